import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Churn } from '@gatepost/testing/retained'
import { CLOSE, uuid7 } from './gateway.ts'
import { startLiveStage } from './live-stage.ts'

const stage = await startLiveStage()
const { gateway } = stage
const first = await stage.post()

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

export const close = () => stage.stop()
