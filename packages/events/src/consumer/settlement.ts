import { setTimeout as sleep } from 'node:timers/promises'
import type { CloudEvent } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { isDatabaseAway } from '@gatepost/service-kit/database-problem'
import type { JsMsg } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { MalformedEventError } from '../validation.ts'
import { storeDeadLetter } from './dead-letter-store.ts'
import type { Delivery } from './delivery.ts'
import {
  handle,
  HandlerError,
  type Handler,
  TooManyStartsError,
  type Transaction,
  UnknownEventError
} from './handling.ts'
import type { InboxVerdict } from './inbox.ts'
import type { ConsumerMetrics } from './metrics.ts'
import { forgetStarts } from './starts.ts'
import { traced } from './tracing.ts'

/** The end of a delivery: over for its aggregate too, waiting here for its predecessor, or given back. */
export type Outcome = 'settled' | 'waits' | 'given back'

export interface SettlementOptions<Tx> {
  broker: Broker
  definition: ConsumerDefinition
  handlers: Record<string, Handler<Tx>>
  transaction: Transaction<Tx>
  log: Logger
  metrics: ConsumerMetrics
  onApplied?: ((event: CloudEvent) => void) | undefined
  /** Whether an event may wait here for its predecessor. */
  mayWait: (delivery: Delivery) => boolean
  stopped: () => boolean
}

/** Deliveries of an event before its predecessor, in a minute and a half; then an operator must look at it. */
const MAX_WAITS = 24
const GIVE_BACK_MS = 1_000
const SAY_EVERY_MS = 60_000
const MAX_FAILURE_DELAY_MS = 30_000
const DATABASE_PAUSE_MS = 2_000

const failureDelay = (deliveries: number) => Math.min(MAX_FAILURE_DELAY_MS, 100 * 3 ** (deliveries - 1))

/**
 * Settles single deliveries. The returned function ends with the message acknowledged, waiting here, given back with a
 * delay, or dead; it never rejects.
 */
export function createSettlement<Tx> (
  { broker, definition, handlers, transaction, log, metrics, onApplied, mayWait, stopped }: SettlementOptions<Tx>
) {
  const consumer = definition.name
  let suspects: Promise<unknown> = Promise.resolve()
  let unknownSaidAt = -Infinity

  /** Events that were begun again and did not end run one at a time: one that kills the process accuses no other. */
  function alone<T> (work: () => Promise<T>): Promise<T> {
    const result = suspects.then(work)
    suspects = result.catch(() => undefined)
    return result
  }

  async function settle (delivery: Delivery): Promise<Outcome> {
    const { message, event } = delivery
    if (event instanceof MalformedEventError) return bury(message, event.message)
    for (let attempt = 1; !stopped() || attempt === 1; attempt++) {
      try {
        const verdict = await traced(
          event,
          consumer,
          () => handle(event, message.redelivered, { definition, handlers, transaction, alone })
        )
        return verdict === 'gap' ? await waitForPredecessor(delivery, event) : acknowledge(message, event, verdict)
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
        await sleep(Math.min(DATABASE_PAUSE_MS, 100 * 2 ** attempt))
      }
    }
    message.nak()
    return 'given back'
  }

  function acknowledge (message: JsMsg, event: CloudEvent, verdict: Exclude<InboxVerdict, 'gap'>): Outcome {
    message.ack()
    onApplied?.(event)
    metrics.handled.inc({ consumer, outcome: verdict === 'new' ? 'applied' : verdict })
    if (verdict === 'new') {
      metrics.lag.observe({ consumer }, Math.max(0, Date.now() - Date.parse(event.time)) / 1_000)
    } else if (verdict === 'collision') {
      log.warn(
        { eventId: event.id, aggregateId: event.subject, version: event.aggregateversion },
        'an event has the version of an earlier one, and is applied in its place'
      )
    }
    return 'settled'
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
    const { deliveryCount: deliveries } = message.info
    const delay = failureDelay(deliveries)
    log.warn({ err: error, eventId: event.id, type: event.type, deliveries, delay }, 'event failed; it comes again')
    metrics.handled.inc({ consumer, outcome: 'failed' })
    message.nak(delay)
    return 'given back'
  }

  /** A replica of a later release knows what to do. */
  function leaveToOthers (message: JsMsg, event: CloudEvent): Outcome {
    if (performance.now() - unknownSaidAt > SAY_EVERY_MS) {
      log.warn(
        { eventId: event.id, type: event.type },
        'events of a type that this release does not know wait for a replica of a later one'
      )
      unknownSaidAt = performance.now()
    }
    metrics.handled.inc({ consumer, outcome: 'waiting' })
    message.nak(GIVE_BACK_MS)
    return 'given back'
  }

  async function waitForPredecessor (delivery: Delivery, event: CloudEvent): Promise<Outcome> {
    const { message } = delivery
    if (message.info.deliveryCount >= MAX_WAITS) {
      const cause = `version ${event.aggregateversion} of ${event.subject} came and the one before it never did`
      return bury(message, cause, event)
    }
    if (delivery.waitsSince === undefined) metrics.handled.inc({ consumer, outcome: 'waiting' })
    if (mayWait(delivery) && !stopped()) return 'waits'
    message.nak(GIVE_BACK_MS)
    return 'given back'
  }

  /** Only a stored dead letter ends a message; until then it comes again. */
  async function bury (message: JsMsg, cause: string, event?: CloudEvent): Promise<Outcome> {
    try {
      const number = await storeDeadLetter(broker, consumer, message, cause)
      // A replayed letter starts anew.
      if (event && message.redelivered) await transaction((_tx, sql) => forgetStarts(sql, consumer, event))
      message.term()
      metrics.handled.inc({ consumer, outcome: 'dead' })
      log.error({ sequence: message.seq, deadLetter: number, cause }, 'event dead-lettered')
    } catch (error) {
      log.warn({ err: error, sequence: message.seq }, 'a dead letter could not be stored; its event comes again')
      message.nak(failureDelay(message.info.deliveryCount))
    }
    return 'given back'
  }

  return settle
}
