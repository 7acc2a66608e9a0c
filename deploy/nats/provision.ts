// Makes the stream and the consumers of the contracts on the broker of NATS_URL, as its provisioner; what exists is checked. NATS_REPLICAS: 3 on a cluster.
import { provision } from '@gatepost/events/provision'

const { NATS_URL, NATS_REPLICAS = '1' } = process.env
if (!NATS_URL) {
  console.error('NATS_URL is missing')
  process.exit(1)
}
await provision({ servers: NATS_URL, replicas: Number(NATS_REPLICAS) })
console.log('stream and consumers are there')
