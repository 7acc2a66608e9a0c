import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import type { Operator } from './operator.ts'
import { makeAnew } from './provision/anew.ts'

/**
 * Has a durable consumer given every event from a sequence on again. What its inbox knows is skipped, so this repairs a
 * database that was restored from a backup, and fills an empty one from 1. The consumer's replicas may go on running.
 */
export async function rewindConsumer ({ jsm }: Operator, definition: ConsumerDefinition, sequence: number): Promise<void> {
  await makeAnew(jsm, definition, sequence)
}

/** How many events the consumer has yet to apply. */
export async function outstandingOf ({ jsm }: Operator, consumer: string): Promise<number> {
  const { num_pending: pending, num_ack_pending: unacknowledged } = await jsm.consumers.info(EVENTS_STREAM, consumer)
  return pending + unacknowledged
}
