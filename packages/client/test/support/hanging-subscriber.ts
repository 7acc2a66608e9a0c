import { postCreated } from '@gatepost/contracts/posts/events'
import { subscribe } from '../../src/subscribe.ts'

/** Deals with one event, says the title of the next and never finishes it; to be killed. */
let dealtWith = 0
await subscribe({
  servers: process.env.NATS_URL!,
  durable: 'my-program',
  events: [postCreated],
  onEvent: async ({ data: { title } }) => {
    process.stdout.write(`${title}\n`)
    if (dealtWith++ > 0) await new Promise(() => {})
  }
})
