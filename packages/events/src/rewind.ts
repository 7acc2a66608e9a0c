import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { DeliverPolicy } from '@nats-io/jetstream'
import type { Operator } from './operator.ts'
import { consumerConfig } from './provision/configuration.ts'
import { orMissing } from './provision/missing.ts'

/**
 * Has a durable consumer given every event from a sequence on again. What its inbox knows is skipped, so this repairs a
 * database that was restored from a backup, and fills an empty one from 1. The consumer's replicas may go on running.
 */
export async function rewindConsumer ({ jsm }: Operator, definition: ConsumerDefinition, sequence: number): Promise<void> {
  await orMissing(jsm.consumers.delete(EVENTS_STREAM, definition.name))
  await jsm.consumers.add(EVENTS_STREAM, { ...consumerConfig(definition), deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, sequence) })
}

/** How many events the consumer has yet to apply. */
export async function outstandingOf ({ jsm }: Operator, consumer: string): Promise<number> {
  const { num_pending: pending, num_ack_pending: unacknowledged } = await jsm.consumers.info(EVENTS_STREAM, consumer)
  return pending + unacknowledged
}
