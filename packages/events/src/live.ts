import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { EVENTS_SUBJECTS, type CloudEvent } from '@gatepost/contracts/event'
import type { JsMsg } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import type { Broker } from './broker.ts'
import { isEnding } from './erasure/erasable.ts'
import { createBell } from './live/bell.ts'
import type { LiveItem } from './live/item.ts'
import { createRecent } from './live/recent.ts'
import { createSlots } from './live/slots.ts'
import { createStreamReader } from './live/stream-reader.ts'
import { createTail } from './tail.ts'
import { parseEvent } from './validation.ts'

export type { LiveItem } from './live/item.ts'

export interface LiveEvent {
  /** The sequence in the stream, which a reader names to resume after it. */
  sequence: number
  event: CloudEvent
}

/** One reading of the whole stream for all readers of a process. */
export interface LiveTail<Item> {
  /**
   * Batches of the events after a sequence, or from now on: in order, each event once, and only as fast as the reader
   * takes them. A batch is in memory until the next one is asked for. Ends when the signal is aborted.
   */
  follow (after: number | undefined, signal: AbortSignal): AsyncGenerator<Item[], void, undefined>
  /** The newest sequence that was seen; undefined until the stream has been reached. */
  last (): number | undefined
  status (): { staleSeconds: number, lastSequence: number }
  stop (): void
}

export interface LiveTailOptions<Item> {
  broker: Broker
  log: Logger
  /** Undefined for an event that no reader gets. */
  itemOf: (live: LiveEvent) => Item | undefined
  /** Items kept in memory, so that readers who come back soon cost NATS nothing. Default 8 MiB. */
  recentBytes?: number
  /** A batch ends with the event that reaches it. Default 128 KiB. */
  batchBytes?: number
  /** Batches from further back than memory that are in memory at a time, over all readers. Default 256. */
  batches?: number
  /** Consumers that read them at a time. Default 4. */
  consumers?: number
}

const RETRY_MS = 250

/**
 * Follows `events.>` once and keeps the newest of it in memory. A reader is a position in the stream: its next batch is
 * in memory, or is read from the stream, wherever the reader comes from and however far it falls behind.
 */
export function createLiveTail<Item extends LiveItem> (options: LiveTailOptions<Item>): LiveTail<Item> {
  const { broker, log, itemOf, recentBytes = 8_388_608, batchBytes = 131_072, batches = 256, consumers = 4 } = options
  const recent = createRecent<Item>(recentBytes, batchBytes)
  const bell = createBell()
  const held = createSlots(batches)
  const stopping = new AbortController()
  let complained = false
  const itemOfMessage = (message: JsMsg) => {
    const live = liveOf(message, log)
    return live && itemOf(live)
  }
  const stream = createStreamReader({ broker, itemOf: itemOfMessage, batchBytes, consumers })
  const tail = createTail({
    broker,
    log,
    filter: EVENTS_SUBJECTS,
    from: 'now',
    onBegin (sequence) {
      recent.begin(sequence)
      void bell.ring()
    },
    onMessage (message) {
      recent.add(message.seq, itemOfMessage(message), isEnding(message.subject))
      void bell.ring()
    }
  })

  /** Pauses after a failure: NATS is away. */
  async function pause (error: unknown, signal: AbortSignal) {
    if (!complained) log.warn({ err: error }, 'events cannot be read from the stream; retrying')
    complained = true
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
  }

  /**
   * A sequence that the stream never reached is one of a stream that was lost: the new one is read from its beginning.
   */
  async function placeOf (position: number) {
    return await stream.lastSequence() < position ? 0 : position
  }

  async function * follow (after: number | undefined, signal: AbortSignal) {
    let position = after ?? recent.last
    while (!signal.aborted && !stopping.signal.aborted) {
      const { last } = recent
      if (last === undefined || last === position) {
        await bell.wait(signal)
        continue
      }
      position ??= recent.after!
      const batch = recent.batchAfter(position)
      if (batch) {
        position = batch.upTo
        if (batch.items.length > 0) yield batch.items
        if (position !== recent.last) await nextTurn()
        continue
      }
      try {
        if (position > last) {
          position = await placeOf(position)
          if (position > recent.last!) await bell.wait(signal)
          continue
        }
        const release = await held.take()
        try {
          if (signal.aborted) return
          const { items, upTo } = await stream.read(position, last)
          position = upTo
          if (items.length > 0) yield items
        } finally {
          release()
        }
        complained = false
      } catch (error) {
        await pause(error, signal)
      }
    }
  }

  return {
    follow,
    last: () => recent.last,
    status: () => ({ staleSeconds: tail.staleSeconds(), lastSequence: recent.last ?? 0 }),
    stop () {
      stopping.abort()
      tail.stop()
      void bell.ring()
    }
  }
}

function liveOf (message: JsMsg, log: Logger): LiveEvent | undefined {
  try {
    return { sequence: message.seq, event: parseEvent(message.data) }
  } catch (error) {
    log.error({ err: error, sequence: message.seq }, 'a message in the stream is no event')
    return undefined
  }
}
