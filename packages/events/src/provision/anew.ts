import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { DeliverPolicy, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream'
import { orMissing } from '../operator.ts'
import { consumerConfig } from './configuration.ts'

const ATTEMPTS = 5

/**
 * Deletes a durable consumer of ours, if it is there, and makes it anew from a sequence on; its inbox skips known
 * events.
 */
export async function makeAnew (
  jsm: JetStreamManager,
  definition: ConsumerDefinition,
  sequence: number
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await orMissing(jsm.consumers.delete(EVENTS_STREAM, definition.name))
    try {
      await jsm.consumers.add(EVENTS_STREAM, {
        ...consumerConfig(definition),
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: Math.max(1, sequence)
      })
      return
    } catch (error) {
      // Its service may have missed it, and made it again, in between.
      if (attempt === ATTEMPTS || !(error instanceof JetStreamApiError)) throw error
    }
  }
}
