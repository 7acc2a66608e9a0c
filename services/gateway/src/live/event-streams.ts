import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { LiveTail } from '@gatepost/events/live'
import type { Logger } from 'pino'
import type { Frame } from './frame.ts'

export interface Reader {
  userId: string
  sessionId: string
  /** Seconds since the epoch. */
  expiresAt: number
}

export interface EventStreamsOptions {
  live: LiveTail<Frame>
  isRevoked (sessionId: string, tokenExpiresAtMs: number): boolean
  log: Logger
  /** Streams that one user may have open. */
  perUser?: number
  /** Streams of all users together. */
  most?: number
  /** The time in which a client takes the written bytes; after it the stream is cut. */
  writeTimeoutMs?: number
}

export interface EventStreams {
  /** Whether one more stream of this user may be opened now. */
  hasRoom (userId: string): boolean
  /** Sends events until the client leaves or its session or token ends. The head of the answer must be out already. */
  open (reader: Reader, response: ServerResponse, lastEventId: number | undefined): void
  readonly size: number
  /** Streams that were cut because the client read too slowly. */
  readonly cut: number
  closeAll (): void
}

interface Stream {
  reader: Reader
  response: ServerResponse
  leaving: AbortController
  /** Ticks spent waiting for the client to take the written bytes: a busy process counts few, and cuts nobody. */
  waited?: number
  /** The session or the token was over one tick ago; its last event may still be on its way. */
  over?: boolean
  /** The tick at which it gets a heartbeat, so that not all get theirs in one turn of the event loop. */
  beat: number
}

const TICK_MS = 500
const HEARTBEAT_TICKS = 30
/** A draining process waits no longer than this for slow clients. */
const CLOSING_MS = 5_000

/** Server-Sent Events (HTML Living Standard 9.2) for token holders, all fed by one reading of the stream. */
export function createEventStreams (options: EventStreamsOptions): EventStreams {
  const { live, isRevoked, log, perUser = 8, most = 10_000, writeTimeoutMs = 60_000 } = options
  const streams = new Set<Stream>()
  const counts = new Map<string, number>()
  let opened = 0
  let tick = 0
  let cut = 0
  let closing = false
  let timeoutMs = writeTimeoutMs

  const ticks = setInterval(() => {
    tick = (tick + 1) % HEARTBEAT_TICKS
    for (const stream of streams) {
      const { reader, response, beat } = stream
      if (stream.waited !== undefined && ++stream.waited * TICK_MS > timeoutMs) {
        cut++
        response.destroy()
      } else if (isOver(reader)) {
        if (stream.over) end(stream)
        stream.over = true
      } else if (beat === tick && !response.writableEnded && !response.writableNeedDrain) response.write(': \n\n')
    }
  }, TICK_MS).unref()

  function isOver ({ sessionId, expiresAt }: Reader) {
    return Date.now() >= expiresAt * 1000 || isRevoked(sessionId, expiresAt * 1000)
  }

  /** Bytes written before are still sent, as far as the client takes them in time. */
  function end (stream: Stream) {
    stream.leaving.abort()
    stream.waited ??= 0
    if (!stream.response.writableEnded) stream.response.end()
  }

  async function send (stream: Stream, lastEventId: number | undefined) {
    const { reader, response, leaving: { signal } } = stream
    for await (const frames of live.follow(lastEventId, signal)) {
      if (signal.aborted) return
      const over = isOver(reader)
      for (const { text, userId, sessionId } of frames) {
        const last = sessionId === reader.sessionId
        if (last || (!over && (userId === undefined || userId === reader.userId))) response.write(text)
        if (last) return
      }
      if (over) return
      if (!response.writableNeedDrain) continue
      stream.waited = 0
      await once(response, 'drain', { signal })
      stream.waited = undefined
    }
  }

  function forget (stream: Stream) {
    const { userId } = stream.reader
    stream.leaving.abort()
    streams.delete(stream)
    const left = counts.get(userId)! - 1
    if (left > 0) counts.set(userId, left)
    else counts.delete(userId)
    if (closing && streams.size === 0) clearInterval(ticks)
  }

  return {
    hasRoom: (userId) => streams.size < most && (counts.get(userId) ?? 0) < perUser,

    open (reader, response, lastEventId) {
      const stream: Stream = { reader, response, leaving: new AbortController(), beat: opened++ % HEARTBEAT_TICKS }
      streams.add(stream)
      counts.set(reader.userId, (counts.get(reader.userId) ?? 0) + 1)
      response.once('close', () => forget(stream))
      response.write('retry: 1000\n\n')
      const after = lastEventId ?? live.last()
      // A block without data is no event: it tells the client from where to resume when no event came before the end.
      if (lastEventId === undefined && after !== undefined) response.write(`id: ${after}\n\n`)
      send(stream, after).then(() => end(stream), (error: unknown) => {
        if (stream.leaving.signal.aborted) return
        log.error({ err: error }, 'an event stream broke off')
        response.destroy()
      })
    },

    get size () { return streams.size },
    get cut () { return cut },

    closeAll () {
      closing = true
      timeoutMs = Math.min(timeoutMs, CLOSING_MS)
      for (const stream of streams) end(stream)
      if (streams.size === 0) clearInterval(ticks)
    }
  }
}
