import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiError,
  type ConsumerInfo,
  type JetStreamManager
} from '@nats-io/jetstream'
import { EVENTS_STREAM } from '../event-contract.ts'
import type { EventDefinition } from '../event-definition.ts'

/** Where a new subscription begins; a durable one that exists goes on where it was. */
export type Beginning = 'first' | 'now' | { sequence: number }

export interface ConsumerOptions {
  durable: string | undefined
  from: Beginning
  definitions: readonly EventDefinition[]
  /** Events that may be out unacknowledged. */
  maxOut: number
}

/** What a process had when it died comes again after this; who is at work says so every third of it. */
const ACK_WAIT_MS = 5_000
const INACTIVE_MS = 60_000
const TURN_MS = 500
const SOON_MS = 20
export const NANOSECONDS = 1e6

/** The consumer of a subscription: made, or brought to what is wanted; its acknowledgement wait is kept. */
export async function ensureConsumer (
  jsm: JetStreamManager,
  { durable, from, definitions, maxOut }: ConsumerOptions
): Promise<ConsumerInfo> {
  const wanted = { filter_subject: filterOf(definitions), max_ack_pending: maxOut, max_deliver: -1 }
  const known = durable ? await orMissing(jsm.consumers.info(EVENTS_STREAM, durable)) : undefined
  if (!known) {
    return jsm.consumers.add(EVENTS_STREAM, {
      ...durable
        ? { durable_name: durable }
        : { name: `reader-${crypto.randomUUID()}`, inactive_threshold: INACTIVE_MS * NANOSECONDS },
      ack_policy: AckPolicy.Explicit,
      ack_wait: ACK_WAIT_MS * NANOSECONDS,
      ...wanted,
      ...beginningOf(from)
    })
  }
  return isDeepStrictEqual({ ...known.config, ...wanted }, known.config)
    ? known
    : jsm.consumers.update(EVENTS_STREAM, known.name, wanted)
}

/**
 * Waits until no process asks for events of the consumer; the server forgets at once that one did whose connection is
 * gone. Resolves with the number of events that are out unacknowledged, or undefined when aborted.
 */
export async function ownTurn (info: () => Promise<ConsumerInfo>, signal: AbortSignal): Promise<number | undefined> {
  // Between two requests of a living process there may be a moment without one.
  for (let quiet = 0; !signal.aborted;) {
    const known = await info().catch(() => undefined)
    quiet = known?.num_waiting === 0 ? quiet + 1 : 0
    if (known && quiet > 1) return known.num_ack_pending
    await sleep(quiet > 0 ? SOON_MS : TURN_MS, undefined, { signal }).catch(() => undefined)
  }
  return undefined
}

/** nats-server 2.9 takes one filter: the narrowest that lets all of them through. */
function filterOf (definitions: readonly EventDefinition[]) {
  const [first, ...others] = definitions.map((definition) => definition.subject)
  if (others.length === 0) return first!
  const owners = new Set(definitions.map((definition) => definition.owner))
  return owners.size === 1 ? `events.${[...owners][0]}.>` : 'events.>'
}

function beginningOf (from: Beginning) {
  if (from === 'first') return { deliver_policy: DeliverPolicy.All }
  if (from === 'now') return { deliver_policy: DeliverPolicy.New }
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence }
}

async function orMissing<T> (answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return undefined
    throw error
  }
}
