import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { DUPLICATE_WINDOW_MS, eventsStreamSettings } from '@gatepost/contracts/stream'
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type StreamConfig
} from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'

/** Events that a consumer could not apply, with the cause; private to our own services. */
export const DEAD_LETTER_STREAM = 'DEAD_LETTERS'
export const DEAD_LETTER_SUBJECTS = 'dead-letters.>'
/** The subject on which a consumer takes a single event from an operator, and answers with its verdict. */
export const replaySubject = (consumer: string) => `replays.${consumer}`
/**
 * With the aggregate of the event, unless it is no event: its dead letters are found by it when they are to be erased.
 */
export const deadLetterSubject = (consumer: string, aggregateId?: string) =>
  aggregateId ? `dead-letters.${consumer}.${aggregateId}` : `dead-letters.${consumer}`

/** A slower handler says so every quarter of this time; events of a killed process come again after it. */
export const ACK_WAIT_MS = 2_000

const keepsEverything = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msgs_per_subject: -1
} as const

export function eventsStream () {
  return {
    ...eventsStreamSettings,
    subjects: [...eventsStreamSettings.subjects],
    description: 'Every domain event; see /docs/events'
  } satisfies Partial<StreamConfig>
}

export function deadLetterStream () {
  return {
    ...keepsEverything,
    name: DEAD_LETTER_STREAM,
    description: 'Events that a consumer of ours could not apply',
    subjects: [DEAD_LETTER_SUBJECTS],
    duplicate_window: nanos(DUPLICATE_WINDOW_MS)
  } satisfies Partial<StreamConfig>
}

/** `max_deliver` stays unlimited: the consumer itself counts and dead-letters, so nothing is dropped in silence. */
export function consumerConfig ({ name, filter }: ConsumerDefinition) {
  return {
    durable_name: name,
    filter_subject: filter,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(ACK_WAIT_MS),
    max_deliver: -1,
    max_ack_pending: 2_000,
    max_waiting: 64,
    // Pulled, whole messages, and not forgotten while nobody pulls.
    deliver_subject: undefined,
    headers_only: undefined,
    inactive_threshold: undefined
  } satisfies Partial<ConsumerConfig>
}
