import { createBroker, type Log } from '@gatepost/events/broker'
import { createRelay } from '@gatepost/events/relay'

// One replica, to be killed; its parent reads its output.
const { DATABASE_URL, NATS_URL } = process.env
const say = (...words: unknown[]) => { console.log(...words) }
const log: Log = { debug: () => {}, info: say, warn: say, error: say }
createRelay({
  databaseUrl: DATABASE_URL!,
  service: 'posts',
  broker: createBroker({ servers: NATS_URL!, name: 'posts', log }),
  log: log as never
}).start()
