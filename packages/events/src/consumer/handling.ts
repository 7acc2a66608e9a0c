import type { CloudEvent } from '@gatepost/contracts/event'
import { eventOfType, isKnownInSomeVersion, type ConsumerDefinition } from '@gatepost/contracts/events'
import type { Sql } from '@gatepost/service-kit/sql'
import { faultOf, MalformedEventError } from '../validation.ts'
import { enterInbox, type InboxVerdict } from './inbox.ts'
import { countStart, forgetStarts, MAX_STARTS, startsOf } from './starts.ts'

export type Handler<Tx> = (event: CloudEvent<never>, tx: Tx) => Promise<void>

/** Runs the work in one transaction of the service's database, on a connection of its own. */
export type Transaction<Tx> = <T>(work: (tx: Tx, sql: Sql) => Promise<T>) => Promise<T>

/** Too many starts of the event ended without a result: its handler throws, or takes the process with it. */
export class TooManyStartsError extends Error {
  override name = 'TooManyStartsError'
}

/** An event of a later release, with an effect that nobody here knows. */
export class UnknownEventError extends Error {
  override name = 'UnknownEventError'
}

/** An error of a handler, told apart from a database that cannot be reached. */
export class HandlerError extends Error {
  override name = 'HandlerError'
  /** Whether the event has been tried often enough. */
  readonly last: boolean

  constructor (cause: unknown, last: boolean) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause), { cause })
    this.last = last
  }
}

export interface Handling<Tx> {
  definition: ConsumerDefinition
  handlers: Record<string, Handler<Tx> | undefined>
  transaction: Transaction<Tx>
  /** Runs the work with no other of its kind beside it. */
  alone: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Applies one event, exactly once: version check, effect and record in one transaction. An event that comes again has
 * its starts counted first, in a transaction of their own; one that was begun again already runs alone.
 */
export async function handle<Tx> (
  event: CloudEvent,
  redelivered: boolean,
  { definition, handlers, transaction, alone }: Handling<Tx>
): Promise<InboxVerdict> {
  const known = eventOfType(event.type)
  const fault = known && faultOf(known, event)
  if (fault) throw new MalformedEventError(fault)
  if (!isKnownInSomeVersion(event.type)) throw new UnknownEventError(`${event.type} is an event of a later release`)
  // Nothing comes after it and nothing is to be done, so there is nothing to remember.
  if (known?.final && !handlers[event.type]) return 'new'
  if (!redelivered) return apply(0)
  const suspect = await transaction((_tx, sql) => startsOf(sql, definition.name, event)) > 0
  return suspect ? alone(startAgain) : startAgain()

  async function startAgain () {
    const starts = await transaction((_tx, sql) => countStart(sql, definition.name, event))
    if (starts > MAX_STARTS) throw new TooManyStartsError(`${MAX_STARTS} starts ended without a result`)
    return apply(starts)
  }

  async function apply (starts: number) {
    return transaction(async (tx, sql) => {
      const standsAlone = !definition.gapless || known?.final === true || known?.creating === true
      const verdict = await enterInbox(sql, definition.name, event, standsAlone)
      if (verdict === 'new' || verdict === 'collision') {
        const handler = handlers[event.type]
        try {
          await handler?.(event as CloudEvent<never>, tx)
        } catch (error) {
          throw new HandlerError(error, starts === MAX_STARTS)
        }
      }
      if (starts > 0) await forgetStarts(sql, definition.name, event)
      return verdict
    })
  }
}
