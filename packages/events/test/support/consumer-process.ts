import { consumers } from '@gatepost/contracts/events'
import { postCreated } from '@gatepost/contracts/posts/events'
import pg from 'pg'
import { pino } from 'pino'
import { createBroker } from '../../src/broker.ts'
import { createConsumer, handlerOf } from '../../src/consumer.ts'
import { record, recordAll, transactionOf, type Tx } from './effects.ts'

/** A consumer whose process ends when it begins the post that `POISON` names. */
const { DATABASE_URL, NATS_URL, POISON } = process.env
const log = pino({ level: 'debug' })
createConsumer<Tx>({
  broker: createBroker({ servers: NATS_URL!, name: 'feed', log }),
  definition: consumers['feed-posts']!,
  transaction: transactionOf(new pg.Pool({ connectionString: DATABASE_URL, max: 10 })),
  log,
  handlers: {
    ...recordAll,
    [postCreated.type]: handlerOf(postCreated, async (event, tx: Tx) => {
      await record(event.data.postId, event.aggregateversion, tx)
      if (event.data.postId === POISON) process.kill(process.pid, 'SIGKILL')
    })
  }
}).start()
