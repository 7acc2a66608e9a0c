import { setTimeout as sleep } from 'node:timers/promises'
import type { CloudEvent } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { isDatabaseAway } from '@gatepost/service-kit/database-problem'
import type { JsMsg } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { createLanes } from '../order/lanes.ts'
import { MalformedEventError } from '../validation.ts'
import { storeDeadLetter } from './dead-letter-store.ts'
import { type Delivery, deliveryOf, versionOf } from './delivery.ts'
import {
  handle,
  HandlerError,
  type Handler,
  TooManyStartsError,
  type Transaction,
  UnknownEventError
} from './handling.ts'
import type { ConsumerMetrics } from './metrics.ts'
import { forgetStarts } from './starts.ts'
import { traced } from './tracing.ts'

/** What became of a delivery: over for its aggregate too, kept here until its predecessor is applied, or given back. */
type Outcome = 'settled' | 'waits' | 'given back'

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

/** An event is delivered this often before its predecessor, in a minute and a half; then somebody must look at it. */
const MAX_WAITS = 24
/** Longer than the acknowledgement wait, after which a killed replica's events come: so long an event waits here. */
const PATIENCE_MS = 3_000
const GAP_DELAY_MS = 1_000
/** A predecessor may be applied by another replica, which tells nobody. */
const LOOK_AGAIN_MS = 250
/** More do not wait here, so that there is room for what they wait for. */
const MAX_WAITING = 256
const SAY_EVERY_MS = 60_000
const STOP_MS = 10_000
/**
 * What comes right after a heartbeat is told of at the one after the next: half of the acknowledgement wait is left.
 */
const BEATS = 4

const failureDelay = (deliveries: number) => Math.min(30_000, 100 * 3 ** (deliveries - 1))

/** Handles messages: those of one aggregate one after the other, up to `concurrency` aggregates side by side. */
export function createWorkers<Tx> (
  { broker, definition, handlers, transaction, log, concurrency, metrics, onApplied }: WorkersOptions<Tx>
) {
  const lanes = createLanes<Delivery>((delivery) => delivery.key)
  const present = new Map<number, Delivery>()
  const waiting = new Set<Delivery>()
  const state = { active: 0, stopped: false, unknownSaidAt: -Infinity }
  let suspects: Promise<unknown> = Promise.resolve()
  let onChange: (() => void) | undefined
  let heartbeat: NodeJS.Timeout | undefined

  /** One at a time of those that were begun again and did not end: one that kills the process incriminates no other. */
  function alone<T> (work: () => Promise<T>): Promise<T> {
    const result = suspects.then(work)
    suspects = result.catch(() => undefined)
    return result
  }

  function run () {
    while (state.active < concurrency && !state.stopped) {
      const delivery = lanes.take()
      if (!delivery) break
      state.active++
      void settle(delivery).then((outcome) => {
        state.active--
        lanes.finish(delivery)
        if (outcome === 'waits') waiting.add(delivery)
        else present.delete(delivery.message.seq)
        if (outcome === 'settled') resume(delivery.key)
        onChange?.()
        run()
      })
    }
  }

  /** Hands out again what waits of an aggregate, in its order; without an aggregate the first event of each. */
  function resume (key?: string) {
    const first = new Set<string>()
    for (const delivery of [...waiting].sort((a, b) => versionOf(a) - versionOf(b))) {
      if (key === undefined ? first.has(delivery.key) : delivery.key !== key) continue
      first.add(delivery.key)
      waiting.delete(delivery)
      lanes.add(delivery)
    }
  }

  /** Ends with the message acknowledged, waiting here, given back with a delay, or dead; never rejects. */
  async function settle (delivery: Delivery): Promise<Outcome> {
    const { message, event } = delivery
    if (event instanceof MalformedEventError) return bury(message, event.message)
    for (let attempt = 1; !state.stopped || attempt === 1; attempt++) {
      try {
        const verdict = await traced(
          event,
          definition.name,
          () => handle(event, message.redelivered, { definition, handlers, transaction, alone })
        )
        if (verdict === 'gap') return await waitForPredecessor(delivery, event)
        message.ack()
        onApplied?.(event)
        metrics.handled.inc({ consumer: definition.name, outcome: verdict === 'new' ? 'applied' : verdict })
        if (verdict === 'collision') {
          log.warn(
            { eventId: event.id, aggregateId: event.subject, version: event.aggregateversion },
            'an event has the version of an earlier one, and is applied in its place'
          )
        }
        if (verdict === 'new') {
          metrics.lag.observe({ consumer: definition.name }, Math.max(0, Date.now() - Date.parse(event.time)) / 1_000)
        }
        return 'settled'
      } catch (error) {
        if (error instanceof MalformedEventError || error instanceof TooManyStartsError) {
          return bury(message, error.message, event)
        }
        if (error instanceof UnknownEventError) return leaveToOthers(message, event)
        // A full disk answers questions, and fails every handler: neither the event nor its handler is to blame.
        if (!isDatabaseAway(error)) {
          if (error instanceof HandlerError && error.last) return bury(message, error.message, event)
          if (error instanceof HandlerError || await databaseAnswers()) return fail(message, event, error)
        }
        if (attempt === 1) log.warn({ err: error }, 'the database is away; events wait')
        await sleep(Math.min(2_000, 100 * 2 ** attempt))
      }
    }
    message.nak()
    return 'given back'
  }

  async function databaseAnswers () {
    try {
      await transaction((_tx, sql) => sql.query('SELECT 1'))
      return true
    } catch {
      return false
    }
  }

  function fail (message: JsMsg, event: CloudEvent, error: unknown): Outcome {
    const delay = failureDelay(message.info.deliveryCount)
    log.warn(
      { err: error, eventId: event.id, type: event.type, deliveries: message.info.deliveryCount, delay },
      'event failed; it comes again'
    )
    metrics.handled.inc({ consumer: definition.name, outcome: 'failed' })
    message.nak(delay)
    return 'given back'
  }

  /** A replica of a later release knows what to do. */
  function leaveToOthers (message: JsMsg, event: CloudEvent): Outcome {
    if (performance.now() - state.unknownSaidAt > SAY_EVERY_MS) {
      log.warn(
        { eventId: event.id, type: event.type },
        'events of a type that this release does not know wait for a replica of a later one'
      )
      state.unknownSaidAt = performance.now()
    }
    metrics.handled.inc({ consumer: definition.name, outcome: 'waiting' })
    message.nak(GAP_DELAY_MS)
    return 'given back'
  }

  async function waitForPredecessor (delivery: Delivery, event: CloudEvent): Promise<Outcome> {
    const { message } = delivery
    if (message.info.deliveryCount >= MAX_WAITS) {
      return bury(
        message,
        `version ${event.aggregateversion} of ${event.subject} came and the one before it never did`,
        event
      )
    }
    if (delivery.waitsSince === undefined) metrics.handled.inc({ consumer: definition.name, outcome: 'waiting' })
    delivery.waitsSince ??= performance.now()
    if (performance.now() - delivery.waitsSince < PATIENCE_MS && waiting.size < MAX_WAITING && !state.stopped) {
      return 'waits'
    }
    message.nak(GAP_DELAY_MS)
    return 'given back'
  }

  /** Only a stored dead letter ends a message; until then it comes again. */
  async function bury (message: JsMsg, cause: string, event?: CloudEvent): Promise<Outcome> {
    try {
      const number = await storeDeadLetter(broker, definition.name, message, cause)
      // A replayed letter starts anew.
      if (event && message.redelivered) await transaction((_tx, sql) => forgetStarts(sql, definition.name, event))
      message.term()
      metrics.handled.inc({ consumer: definition.name, outcome: 'dead' })
      log.error({ sequence: message.seq, deadLetter: number, cause }, 'event dead-lettered')
    } catch (error) {
      log.warn({ err: error, sequence: message.seq }, 'a dead letter could not be stored; its event comes again')
      message.nak(failureDelay(message.info.deliveryCount))
    }
    return 'given back'
  }

  /** What came since the last beat has time until the next one. */
  function beat () {
    for (const delivery of present.values()) {
      if (delivery.lasting) delivery.message.working()
      delivery.lasting = true
    }
  }

  const looking = setInterval(() => {
    resume()
    run()
  }, LOOK_AGAIN_MS).unref()

  return {
    /** Messages that are held here. */
    get size () { return present.size },
    /** Those of them that have work to do, and do not wait for an event that is still to come. */
    get busy () { return lanes.size },
    /**
     * Tells the server in time that what is here is being worked on; without it, it would be given to another replica.
     */
    keepAlive (ackWaitMs: number) {
      clearInterval(heartbeat)
      heartbeat = setInterval(beat, ackWaitMs / BEATS)
    },
    add (message: JsMsg) {
      if (state.stopped) return message.nak()
      // Redelivered while it is still here: one handling settles both.
      if (present.has(message.seq)) return
      const delivery = deliveryOf(message)
      present.set(message.seq, delivery)
      lanes.add(delivery)
      run()
    },
    /** Resolves once fewer than `limit` messages have work to do. */
    async room (limit: number) {
      while (lanes.size >= limit && !state.stopped) await new Promise<void>((resolve) => { onChange = resolve })
    },
    async stop () {
      state.stopped = true
      onChange?.()
      clearInterval(looking)
      for (const { message } of [...lanes.forget(), ...waiting]) {
        present.delete(message.seq)
        message.nak()
      }
      const deadline = performance.now() + STOP_MS
      while (state.active > 0 && performance.now() < deadline) {
        await Promise.race([
          new Promise<void>((resolve) => {
            onChange = resolve
          }),
          sleep(100, undefined, { ref: false })
        ])
      }
      clearInterval(heartbeat)
    }
  }
}
