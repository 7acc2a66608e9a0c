// Says of each event when it begins and ends to deal with it; to be killed at any moment.
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { postCreated } from '@gatepost/contracts/posts/events'
import { subscribe } from '../../src/subscribe.ts'

await subscribe({
  servers: process.env.NATS_URL!,
  durable: 'my-program',
  events: [postCreated],
  concurrency: 64,
  async onEvent ({ subject, aggregateversion }) {
    writeSync(1, `begin ${subject} ${aggregateversion}\n`)
    await sleep(Math.random() * 20)
    writeSync(1, `end ${subject} ${aggregateversion}\n`)
  }
})
