import type { ServerResponse } from 'node:http'
import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { CloudEvent, EventData } from '@gatepost/contracts/event'
import { postsEvents } from '@gatepost/contracts/posts/events'
import type { LiveEvent, LiveTail } from '@gatepost/events/live'

export interface Reader {
  userId: string
  sessionId: string
  /** Seconds since the epoch. */
  expiresAt: number
}

export interface EventStreamsOptions {
  live: LiveTail
  isRevoked (sessionId: string, tokenExpiresAtMs: number): boolean
  /** Streams that one user may have open. */
  perUser?: number
  /** Streams of all users together. */
  most?: number
  heartbeatMs?: number
}

export interface EventStreams {
  /** Whether one more stream of this user may be opened now. */
  hasRoom (userId: string): boolean
  /** Sends events until the client leaves or its session or token ends. The head of the answer must be out already. */
  open (reader: Reader, response: ServerResponse, lastEventId: number | undefined): void
  readonly size: number
  closeAll (): void
}

/** A client that is further behind than this is cut off; it comes back with Last-Event-ID and misses nothing. */
const MAX_BACKLOG_BYTES = 1_048_576
const CHECK_MS = 500
const publicTypes = new Set<string>(postsEvents.map(({ type }) => type))

/** Server-Sent Events (HTML Living Standard 9.2) for token holders, all fed by one reading of the stream. */
export function createEventStreams ({ live, isRevoked, perUser = 8, most = 10_000, heartbeatMs = 15_000 }: EventStreamsOptions): EventStreams {
  const streams = new Set<{ reader: Reader, response: ServerResponse }>()
  const counts = new Map<string, number>()
  let last: { live: LiveEvent, frame: string } | undefined

  /** The same event goes to many readers one after the other: it is written out once. */
  function frameOf (event: LiveEvent) {
    if (last?.live !== event) last = { live: event, frame: `id: ${event.sequence}\nevent: ${event.event.type}\ndata: ${JSON.stringify(event.event)}\n\n` }
    return last.frame
  }

  const checks = setInterval(() => {
    for (const { reader, response } of streams) if (isOver(reader)) response.end()
  }, CHECK_MS).unref()
  const heartbeats = setInterval(() => {
    for (const { response } of streams) response.write(': \n\n')
  }, heartbeatMs).unref()

  function isOver ({ sessionId, expiresAt }: Reader) {
    return Date.now() >= expiresAt * 1000 || isRevoked(sessionId, expiresAt * 1000)
  }

  return {
    hasRoom: (userId) => streams.size < most && (counts.get(userId) ?? 0) < perUser,

    open (reader, response, lastEventId) {
      const stream = { reader, response }
      const { userId } = reader
      streams.add(stream)
      counts.set(userId, (counts.get(userId) ?? 0) + 1)
      response.write('retry: 1000\n\n')
      const listener = (event: LiveEvent) => {
        if (response.writableEnded || !mayRead(reader, event.event)) return
        response.write(frameOf(event))
        if (response.writableLength > MAX_BACKLOG_BYTES) response.destroy()
        else if (endsSession(reader, event.event)) response.end()
      }
      const stop = lastEventId === undefined ? live.subscribe(listener) : live.from(lastEventId, listener)
      response.once('close', () => {
        stop()
        streams.delete(stream)
        const left = counts.get(userId)! - 1
        if (left > 0) counts.set(userId, left)
        else counts.delete(userId)
      })
    },

    get size () { return streams.size },

    closeAll () {
      clearInterval(checks)
      clearInterval(heartbeats)
      for (const { response } of streams) response.end()
    }
  }
}

/** Posts are for everybody with a token; of sessions one sees one's own. */
function mayRead ({ userId }: Reader, event: CloudEvent) {
  return publicTypes.has(event.type) || (isSessionEnd(event) && event.data.userId === userId)
}

function endsSession ({ sessionId }: Reader, event: CloudEvent) {
  return isSessionEnd(event) && event.data.sessionId === sessionId
}

function isSessionEnd (event: CloudEvent): event is CloudEvent<EventData<typeof sessionRevoked>> {
  return event.type === sessionRevoked.type
}
