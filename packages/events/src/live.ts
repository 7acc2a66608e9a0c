import { EVENTS_SUBJECTS, type CloudEvent } from '@gatepost/contracts/event'
import type { Logger } from 'pino'
import type { Broker } from './broker.ts'
import { isEnding } from './erasure/subjects.ts'
import { createTail } from './tail.ts'
import { parseEvent } from './validation.ts'

export interface LiveEvent {
  /** The sequence in the stream: what a reader names to resume after it. */
  sequence: number
  event: CloudEvent
}

/** Called in the stream's order; must neither throw nor wait. */
export type LiveListener = (live: LiveEvent) => void

/** One reading of the whole stream for all readers of a process. */
export interface LiveTail {
  /** What comes from now on. Returns how to stop. */
  subscribe (listener: LiveListener): () => void
  /** What came after `sequence`, then what comes: in order, nothing twice, nothing left out. Returns how to stop. */
  from (sequence: number, listener: LiveListener): () => void
  status (): { listeners: number, staleSeconds: number, lastSequence: number }
  stop (): void
}

export interface LiveTailOptions {
  broker: Broker
  log: Logger
  /** Events kept in memory, so that readers who come back soon cost NATS nothing. Default 1000. */
  keep?: number
}

/** Follows `events.>` once and hands it to everybody who listens; only a reader who was away for long reads on its own for a while. */
export function createLiveTail ({ broker, log, keep = 1_000 }: LiveTailOptions): LiveTail {
  const listeners = new Set<LiveListener>()
  const latecomers = new Set<{ stop: () => void, join: () => void }>()
  let recent: LiveEvent[] = []
  /** The last sequence that the shared tail has handed out; undefined until it has begun. */
  let last: number | undefined

  const tail = createTail({
    broker,
    log,
    filter: EVENTS_SUBJECTS,
    from: 'now',
    onBegin (sequence) {
      recent = []
      last = sequence
      for (const latecomer of [...latecomers]) latecomer.join()
    },
    onMessage (message) {
      last = message.seq
      const live = liveOf(message, log)
      if (!live) return
      // What is erased from the stream is not kept here either.
      if (isEnding(message.subject)) recent = recent.filter(({ event }) => event.subject !== live.event.subject)
      recent.push(live)
      if (recent.length > keep * 2) recent = recent.slice(-keep)
      for (const listener of [...listeners]) listener(live)
    }
  })

  function subscribe (listener: LiveListener) {
    listeners.add(listener)
    return () => { listeners.delete(listener) }
  }

  /** Reads by itself until it has seen all that the shared tail has, then listens to that. */
  function catchUp (sequence: number, listener: LiveListener) {
    let seen = sequence
    let stopShared: (() => void) | undefined
    function join () {
      if (stopShared || last === undefined || seen < last) return
      own.stop()
      latecomers.delete(latecomer)
      stopShared = subscribe((live) => { if (live.sequence > seen) listener(live) })
    }
    const own = createTail({
      broker,
      log,
      filter: EVENTS_SUBJECTS,
      from: { sequence: sequence + 1 },
      onMessage (message) {
        if (stopShared) return
        seen = message.seq
        const live = liveOf(message, log)
        if (live) listener(live)
        join()
      }
    })
    const latecomer = { stop: own.stop, join }
    latecomers.add(latecomer)
    void own.caughtUp.then(join)
    return () => {
      own.stop()
      latecomers.delete(latecomer)
      stopShared?.()
      stopShared = () => undefined
    }
  }

  return {
    subscribe,
    from (sequence, listener) {
      if (last !== undefined && sequence >= last) return subscribe(listener)
      const oldest = recent[0]?.sequence ?? Infinity
      if (sequence + 1 < oldest) return catchUp(sequence, listener)
      for (const live of recent) if (live.sequence > sequence) listener(live)
      return subscribe(listener)
    },
    status: () => ({ listeners: listeners.size, staleSeconds: tail.staleSeconds(), lastSequence: last ?? 0 }),
    stop () {
      tail.stop()
      for (const latecomer of latecomers) latecomer.stop()
      listeners.clear()
    }
  }
}

function liveOf (message: { seq: number, data: Uint8Array }, log: Logger): LiveEvent | undefined {
  try {
    return { sequence: message.seq, event: parseEvent(message.data) }
  } catch (error) {
    log.error({ err: error, sequence: message.seq }, 'a message in the stream is no event')
    return undefined
  }
}
