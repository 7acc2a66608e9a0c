// Writes the configuration of a nats-server: JetStream, and the accounts that follow from the contracts. Passwords come
// from the environment, subscribers from the file that NATS_SUBSCRIBERS names.
//   node deploy/nats/write-configuration.ts <file>
import { writeFileSync } from 'node:fs'
import { brokerAuthorization } from '@gatepost/events/permissions'
import { readSubscribers } from '@gatepost/events/subscriber-file'

const [file] = process.argv.slice(2)
const { NATS_STORE_DIR = '/data', NATS_SUBSCRIBERS, ...env } = process.env

function account (name: string) {
  const variable = `NATS_${name.toUpperCase()}_PASSWORD`
  const password = env[variable]
  if (password) return { user: name, password }
  console.error(`${variable} is missing`)
  process.exit(1)
}

if (!file) {
  console.error('usage: node deploy/nats/write-configuration.ts <file>')
  process.exit(1)
}
const subscribers = NATS_SUBSCRIBERS
  ? await readSubscribers(NATS_SUBSCRIBERS).catch((error: Error) => {
    console.error(error.message)
    process.exit(1)
  })
  : []
const authorization = brokerAuthorization({
  auth: account('auth'),
  posts: account('posts'),
  feed: account('feed'),
  gateway: account('gateway'),
  provisioner: account('provisioner')
}, { subscribers })
writeFileSync(
  file,
  `listen: "0.0.0.0:4222"
http: "127.0.0.1:8222"
server_name: gatepost
max_payload: 1MB
jetstream { store_dir: ${JSON.stringify(NATS_STORE_DIR)} }
${authorization}
`, { mode: 0o600 })
