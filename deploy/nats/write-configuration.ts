// Writes the configuration of a nats-server: JetStream, a cluster where there is one, and the accounts that follow from
// the contracts. Settings and passwords come from the environment: docs/environment.md.
//   node deploy/nats/write-configuration.ts <file>
import { writeFileSync } from 'node:fs'
import { declarations } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { brokerConfiguration } from '@gatepost/events/broker-configuration'
import { brokerAuthorization, type Credential } from '@gatepost/events/permissions'
import { readSubscribers } from '@gatepost/events/subscriber-file'
import { parseSettings } from '@gatepost/service-kit/settings'
import { type BrokerSettings, brokerSettings } from './settings.ts'

function clusterOf ({ NATS_CLUSTER_ROUTES: routes, NATS_CLUSTER_PASSWORD: password, ...settings }: BrokerSettings) {
  if (routes === undefined) return undefined
  if (password === undefined) throw new Error('NATS_CLUSTER_PASSWORD is missing: NATS_CLUSTER_ROUTES names a cluster')
  if (settings.NATS_SERVER_NAME === 'gatepost') {
    throw new Error('NATS_SERVER_NAME is missing: the servers of a cluster need a name each')
  }
  return { routes, password, listen: settings.NATS_CLUSTER_LISTEN }
}

async function write (file: string) {
  const settings = parseSettings(brokerSettings, process.env)
  const { NATS_SUBSCRIBERS: list, NATS_CONSOLE_PASSWORD: consolePassword } = settings
  const services = declarations.map(({ name, prefix }) =>
    [name, { user: name, password: settings[`NATS_${prefix}_PASSWORD`] }]
  )
  const authorization = brokerAuthorization({
    ...Object.fromEntries(services) as Record<ServiceName, Credential>,
    provisioner: { user: 'provisioner', password: settings.NATS_PROVISIONER_PASSWORD },
    ...consolePassword !== undefined && { console: { user: 'console', password: consolePassword } }
  }, { subscribers: list === undefined ? [] : await readSubscribers(list) })
  writeFileSync(
    file,
    brokerConfiguration({
      listen: settings.NATS_LISTEN,
      monitor: settings.NATS_MONITOR_LISTEN,
      serverName: settings.NATS_SERVER_NAME,
      storeDir: settings.NATS_STORE_DIR,
      maxStore: settings.NATS_STORE_BYTES,
      cluster: clusterOf(settings),
      authorization
    }),
    { mode: 0o600 }
  )
}

try {
  const [file, ...rest] = process.argv.slice(2)
  if (!file || rest.length > 0) throw new Error('usage: node deploy/nats/write-configuration.ts <file>')
  await write(file)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
