import { EVENTS_SUBJECTS } from '@gatepost/contracts/event'
import type { Broker, Log } from '@gatepost/events/broker'
import type { Tail } from '@gatepost/events/tail'
import { type EventRow, rowOf } from './event-row.ts'
import type { Operators } from './operators.ts'

export interface SharedTail {
  /** Calls back with batches, oldest first, the recent past at once; returns how to stop that. */
  follow (listener: (rows: EventRow[], skipped: number) => void): () => void
  close (): Promise<void>
}

/** Events of the past that a page begins with, and is kept of a flood. */
const KEPT = 500
const BATCH_MS = 200
const MAX_BATCH = 200

/** One reading of the stream for all pages that show it, for as long as there are any. */
export function createSharedTail ({
  servers,
  operators,
  log
}: {
  servers: string
  operators: Operators
  log: Log
}): SharedTail {
  const listeners = new Set<(rows: EventRow[], skipped: number) => void>()
  let recent: EventRow[] = []
  let fresh: EventRow[] = []
  let skipped = 0
  let running: Promise<{ broker: Broker, tail: Tail, timer: NodeJS.Timeout }> | undefined

  function deliver () {
    if (fresh.length === 0) return
    recent = recent.concat(fresh).slice(-KEPT)
    for (const listener of listeners) listener(fresh, skipped)
    fresh = []
    skipped = 0
  }

  async function start () {
    const [{ createBroker }, { createTail }, { parseEvent }] = await Promise.all([
      import('@gatepost/events/broker'),
      import('@gatepost/events/tail'),
      import('@gatepost/events/validation')
    ])
    const { jsm } = await operators.get()
    const { state } = await jsm.streams.info('EVENTS')
    const broker = createBroker({ servers, name: 'console', log })
    const tail = createTail({
      broker,
      log,
      filter: EVENTS_SUBJECTS,
      from: { sequence: Math.max(state.first_seq, state.last_seq - KEPT + 1, 1) },
      onMessage (message) {
        if (fresh.push(rowOf(message.seq, parseEvent(message.data))) <= MAX_BATCH) return
        fresh.shift()
        skipped++
      }
    })
    return { broker, tail, timer: setInterval(deliver, BATCH_MS) }
  }

  async function stop () {
    const stopping = running
    running = undefined
    recent = []
    fresh = []
    await stopping?.then(
      async ({ broker, tail, timer }) => {
        clearInterval(timer)
        tail.stop()
        await broker.close()
      },
      () => {}
    )
  }

  return {
    follow (listener) {
      listeners.add(listener)
      if (recent.length > 0) listener(recent, 0)
      running ??= start()
      running.catch((error: unknown) => {
        log.warn({ err: error }, 'the stream cannot be followed')
        running = undefined
      })
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) void stop()
      }
    },
    close: stop
  }
}
