import type { CloudEvent, Events, LiveEventType } from '../event-contract.ts'
import { scopeOf, sleep } from './deadline.ts'
import { waitBefore } from './retry.ts'
import { blocksOf } from './sse.ts'

/** An event as it is followed over HTTP, told apart by its `type`. */
export type LiveEvent<Type extends LiveEventType = LiveEventType> = {
  [T in Type]: CloudEvent<Events[T], T> & {
    /** Its position, for `after`. */
    sequence: number
  }
}[Type]

export interface LiveEventOptions<Type extends LiveEventType = LiveEventType> {
  /** The events to be handed out; default: all of them. */
  types?: readonly Type[]
  /** Begin after this `sequence`. Default: with what happens from now on. */
  after?: number
  /** Ends the iteration. */
  signal?: AbortSignal
}

/** Opens the stream after a position, works with its answer, and resolves when it has ended. */
export type OpenStream = (after: string | undefined, signal: AbortSignal) => Promise<Response>

/** The gateway says something every 15 s. */
const SILENCE_MS = 45_000
const DEFAULT_RETRY_MS = 1_000

/**
 * Events as they come, over as many connections as it takes. Begins again after the last event whenever a connection
 * ends, for as long as it takes; a refusal that waiting does not mend is thrown.
 */
export async function * followEvents (
  open: OpenStream,
  { types, after, signal }: LiveEventOptions
): AsyncGenerator<LiveEvent, void, undefined> {
  const wanted = types && new Set<string>(types)
  let position = after === undefined ? undefined : String(after)
  let retryMs = DEFAULT_RETRY_MS
  let connected = false
  while (!signal?.aborted) {
    const { controller, leave } = scopeOf(signal)
    let silence: ReturnType<typeof setTimeout> | undefined
    const heard = () => {
      clearTimeout(silence)
      silence = setTimeout(() => controller.abort(), SILENCE_MS)
    }
    try {
      const { body } = await open(position, controller.signal)
      connected = true
      heard()
      for await (const block of blocksOf(body!, { signal: controller.signal, onBytes: heard })) {
        position = block.id ?? position
        retryMs = block.retryMs ?? retryMs
        if (block.data === undefined) continue
        const event = JSON.parse(block.data) as LiveEvent
        if (wanted && !wanted.has(event.type)) continue
        clearTimeout(silence) // the consumer may take its time
        yield { ...event, sequence: Number(position) }
        if (signal?.aborted) return
        heard()
      }
      // All clients of a gateway that stops come again, not all at once.
      await sleep(Math.random() * retryMs, signal)
    } catch (error) {
      if (signal?.aborted) return
      const wait = waitBefore(error, 0)
      if (wait === undefined || !connected) throw error
      await sleep(Math.max(wait, Math.random() * retryMs), signal).catch(() => undefined)
    } finally {
      clearTimeout(silence)
      controller.abort()
      leave()
    }
  }
}
