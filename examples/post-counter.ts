// Counts the posts of each author, from the first event on. All it needs is the address of NATS.
import { createDedupe, postCreated, postDeleted, subscribe } from '@gatepost/client/events'

const posts = new Map<string, number>()
const dedupe = createDedupe()

const subscription = await subscribe({
  servers: process.env.NATS_URL ?? 'nats://127.0.0.1:4222',
  events: [postCreated, postDeleted],
  onEvent: async (event) => {
    await dedupe.once(event, () => {
      const { authorId } = event.data
      const change = event.type === postCreated.type ? 1 : -1
      posts.set(authorId, (posts.get(authorId) ?? 0) + change)
      console.log(`${authorId} has ${posts.get(authorId)} posts`)
    })
  }
})

process.once('SIGINT', () => subscription.stop())
process.once('SIGTERM', () => subscription.stop())
await subscription.closed
