import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { postCreated } from '@gatepost/contracts/posts/events'
import { startBroker } from '@gatepost/testing/broker'
import { eventually } from '@gatepost/testing/eventually'
import { startPublisher } from '@gatepost/testing/publisher'
import type { Churn } from '@gatepost/testing/retained'
import { CLOSE, startGateway, uuid7 } from './gateway.ts'

const broker = await startBroker()
const gateway = await startGateway({ NATS_URL: broker.urlOf('gateway') })
const posts = await startPublisher(broker.urlOf('posts'), 'posts')
await eventually(async () => {
  if ((await gateway.fetch('/ready')).status !== 200) throw new Error('not ready')
})
const first = await posts.publish(postCreated, {
  data: { postId: uuid7(), authorId: uuid7(), title: 't', content: 'c', createdAt: new Date().toISOString() },
  aggregateVersion: 1
})

const AT_ONCE = 10

function each (turn: () => Promise<unknown>): Churn {
  return async (count) => {
    for (let done = 0; done < count; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, turn))
    gateway.log.length = gateway.upstream.received.length = 0
  }
}

/** Sends a request and is gone before the answer. */
async function leaveEarly () {
  const socket = connect(gateway.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(gateway.head('GET /api/posts'))
  await nextTurn()
  socket.destroy()
  await once(socket, 'close')
}

/** Follows events until the first has come, and leaves. */
async function follow (headers: Record<string, string>) {
  const leave = new AbortController()
  const answer = await gateway.call('/api/events', { headers, signal: leave.signal })
  await answer.body!.getReader().read()
  leave.abort()
}

const call = async () => (await gateway.call('/api/posts')).text()
await each(call)(500) // compiles what all calls go through

export const churns: Record<string, Churn> = {
  'calls of services': each(call),
  'calls on connections of their own': each(() =>
    gateway.raw(gateway.head('GET /api/posts', CLOSE))
  ),
  'calls that the client leaves': each(leaveEarly),
  'tokens that are refused': each(async () =>
    (await gateway.fetch('/api/posts', { headers: { authorization: `Bearer ${uuid7()}` } })).text()
  ),
  'event streams from now': each(() => follow({})),
  'event streams that resume': each(() => follow({ 'last-event-id': String(first - 1) }))
}

export async function close () {
  await posts.close()
  await gateway.stop()
  await broker.stop()
}
