import { pino } from 'pino'
import { createBroker } from '../../src/broker.ts'
import { createRelay } from '../../src/relay.ts'

const { DATABASE_URL, NATS_URL } = process.env
const log = pino({ level: 'debug' })
const relay = createRelay({
  databaseUrl: DATABASE_URL!,
  service: 'posts',
  broker: createBroker({ servers: NATS_URL!, name: 'posts', log }),
  log
})
relay.start()
