// Makes the streams and consumers of the contracts on the broker of NATS_URL, as its provisioner, or brings them up to
// date. NATS_REPLICAS: 3 on a cluster; EVENTS_MAX_BYTES: room for events.
import { provision, streamSettingsFrom } from '@gatepost/events/provision'

try {
  const { NATS_URL } = process.env
  if (!NATS_URL) throw new Error('NATS_URL is missing')
  const { changes } = await provision({ servers: NATS_URL, ...streamSettingsFrom(process.env) })
  console.log(changes.length > 0 ? changes.join('\n') : 'streams and consumers are as the contracts say')
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
