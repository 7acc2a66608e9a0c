import { setTimeout as sleep } from 'node:timers/promises'
import type { CloudEvent } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { isDatabaseAway } from '@gatepost/service-kit/database-problem'
import type { JsMsg } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { createLanes } from '../order/lanes.ts'
import { MalformedEventError, parseEvent } from '../validation.ts'
import { storeDeadLetter } from './dead-letters.ts'
import { handle, HandlerError, type Handler, TooManyStartsError, type Transaction } from './handling.ts'
import type { ConsumerMetrics } from './metrics.ts'
import { traced } from './tracing.ts'

interface Delivery {
  message: JsMsg
  key: string
  event: CloudEvent | MalformedEventError
  /** Whether it was here at the last heartbeat. */
  lasting: boolean
}

export interface WorkersOptions<Tx> {
  broker: Broker
  definition: ConsumerDefinition
  handlers: Record<string, Handler<Tx>>
  transaction: Transaction<Tx>
  log: Logger
  concurrency: number
  metrics: ConsumerMetrics
  onApplied?: (event: CloudEvent) => void
}

/** An event waits for its predecessor this often, a minute and a half in all; then somebody must look at it. */
const MAX_WAITS = 24
/** From this delivery on an event runs with no other beside it, so that one that kills the process incriminates no other. */
const SUSPECT_DELIVERIES = 3
const STOP_MS = 10_000

const failureDelay = (deliveries: number) => Math.min(30_000, 100 * 3 ** (deliveries - 1))
const gapDelay = (deliveries: number) => Math.min(5_000, 50 * 2 ** (deliveries - 1))

/** Handles messages: those of one aggregate one after the other, up to `concurrency` aggregates side by side. */
export function createWorkers<Tx> ({ broker, definition, handlers, transaction, log, concurrency, metrics, onApplied }: WorkersOptions<Tx>) {
  const lanes = createLanes<Delivery>((delivery) => delivery.key)
  const present = new Map<number, Delivery>()
  const state = { active: 0, stopped: false }
  let suspects: Promise<unknown> = Promise.resolve()
  let onChange: (() => void) | undefined
  let heartbeat: NodeJS.Timeout | undefined

  function run () {
    while (state.active < concurrency && !state.stopped) {
      const delivery = lanes.take()
      if (!delivery) break
      state.active++
      const suspect = delivery.message.info.deliveryCount >= SUSPECT_DELIVERIES
      const work = suspect ? suspects.then(() => settle(delivery)) : settle(delivery)
      if (suspect) suspects = work
      void work.then(() => {
        state.active--
        present.delete(delivery.message.seq)
        lanes.finish(delivery)
        onChange?.()
        run()
      })
    }
  }

  /** Ends with the message acknowledged, given back with a delay, or dead; never rejects. */
  async function settle (delivery: Delivery): Promise<void> {
    const { message, event } = delivery
    if (event instanceof MalformedEventError) return bury(message, event.message)
    for (let attempt = 1; !state.stopped || attempt === 1; attempt++) {
      try {
        const verdict = await traced(event, definition.name, () => handle(event, message.redelivered, { definition, handlers, transaction }))
        if (verdict === 'gap') return await waitForPredecessor(message, event)
        message.ack()
        onApplied?.(event)
        metrics.handled.inc({ consumer: definition.name, outcome: verdict === 'new' ? 'applied' : 'duplicate' })
        if (verdict === 'new') metrics.lag.observe({ consumer: definition.name }, Math.max(0, Date.now() - Date.parse(event.time)) / 1_000)
        return
      } catch (error) {
        if (error instanceof MalformedEventError || error instanceof TooManyStartsError) return bury(message, error.message)
        // A full disk answers questions, and fails every handler: neither the event nor its handler is to blame.
        if (!isDatabaseAway(error)) {
          if (error instanceof HandlerError && error.last) return bury(message, error.message)
          if (error instanceof HandlerError || await databaseAnswers()) return fail(message, event, error)
        }
        if (attempt === 1) log.warn({ err: error }, 'the database is away; events wait')
        await sleep(Math.min(2_000, 100 * 2 ** attempt))
      }
    }
    message.nak()
  }

  async function databaseAnswers () {
    try {
      await transaction((_tx, sql) => sql.query('SELECT 1'))
      return true
    } catch {
      return false
    }
  }

  function fail (message: JsMsg, event: CloudEvent, error: unknown) {
    const delay = failureDelay(message.info.deliveryCount)
    log.warn({ err: error, eventId: event.id, type: event.type, deliveries: message.info.deliveryCount, delay }, 'event failed; it comes again')
    metrics.handled.inc({ consumer: definition.name, outcome: 'failed' })
    message.nak(delay)
  }

  async function waitForPredecessor (message: JsMsg, event: CloudEvent) {
    if (message.info.deliveryCount >= MAX_WAITS) return bury(message, `version ${event.aggregateversion} of ${event.subject} came and the one before it never did`)
    metrics.handled.inc({ consumer: definition.name, outcome: 'waiting' })
    message.nak(gapDelay(message.info.deliveryCount))
  }

  /** Only a stored dead letter ends a message; until then it comes again. */
  async function bury (message: JsMsg, cause: string) {
    try {
      const sequence = await storeDeadLetter(broker, definition.name, message, cause)
      message.term()
      metrics.handled.inc({ consumer: definition.name, outcome: 'dead' })
      log.error({ sequence: message.seq, deadLetter: sequence, cause }, 'event dead-lettered')
    } catch (error) {
      log.warn({ err: error, sequence: message.seq }, 'a dead letter could not be stored; its event comes again')
      message.nak(failureDelay(message.info.deliveryCount))
    }
  }

  /** What came since the last beat has time until the next one. */
  function beat () {
    for (const delivery of present.values()) {
      if (delivery.lasting) delivery.message.working()
      delivery.lasting = true
    }
  }

  return {
    get size () { return lanes.size },
    /** Tells the server in time that what is here is being worked on; without it, it would be given to another replica. */
    keepAlive (ackWaitMs: number) {
      clearInterval(heartbeat)
      heartbeat = setInterval(beat, ackWaitMs / 3)
    },
    add (message: JsMsg) {
      // Redelivered while it is still here: one handling settles both.
      if (present.has(message.seq)) return
      const delivery = deliveryOf(message)
      present.set(message.seq, delivery)
      lanes.add(delivery)
      run()
    },
    /** Resolves once fewer than `limit` messages are here. */
    async room (limit: number) {
      while (lanes.size >= limit && !state.stopped) await new Promise<void>((resolve) => { onChange = resolve })
    },
    async stop () {
      state.stopped = true
      onChange?.()
      for (const { message } of lanes.forget()) {
        present.delete(message.seq)
        message.nak()
      }
      const deadline = performance.now() + STOP_MS
      while (state.active > 0 && performance.now() < deadline) {
        await Promise.race([new Promise<void>((resolve) => { onChange = resolve }), sleep(100, undefined, { ref: false })])
      }
      clearInterval(heartbeat)
    }
  }
}

function deliveryOf (message: JsMsg): Delivery {
  try {
    const event = parseEvent(message.data)
    return { message, key: event.subject, event, lasting: false }
  } catch (error) {
    if (!(error instanceof MalformedEventError)) throw error
    return { message, key: `message ${message.seq}`, event: error, lasting: false }
  }
}
