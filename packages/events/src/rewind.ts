import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { orMissing, type Operator } from './operator.ts'
import { makeAnew } from './provision/anew.ts'

/** From that sequence on the consumer would never see events that it has not applied. */
export class BeyondPositionError extends Error {
  override name = 'BeyondPositionError'
}

/**
 * Gives a durable consumer every event from a sequence on again. Its inbox skips known events, so this repairs a
 * database that was restored from a backup, and fills an empty one from 1. The consumer's replicas may go on running.
 * Throws {@link BeyondPositionError}, and changes nothing, when that would skip an event.
 */
export async function rewindConsumer (
  operator: Operator,
  definition: ConsumerDefinition,
  sequence: number
): Promise<void> {
  const position = await positionOf(operator, definition)
  if (sequence > position) {
    throw new BeyondPositionError(
      `${definition.name} has not applied all events before sequence ${sequence}, which would be skipped: ` +
        `--from may be at most ${position}`
    )
  }
  await makeAnew(operator.jsm, definition, sequence)
}

/** The first sequence that the consumer may not have acknowledged; of one that is missing nothing is known. */
async function positionOf ({ jsm }: Operator, { name }: ConsumerDefinition): Promise<number> {
  const { state } = await jsm.streams.info(EVENTS_STREAM)
  const info = await orMissing(jsm.consumers.info(EVENTS_STREAM, name))
  if (!info) return 1
  if (info.num_pending + info.num_ack_pending === 0) return state.last_seq + 1
  return Math.max(info.ack_floor.stream_seq + 1, info.config.opt_start_seq ?? 1)
}

/** How many events the consumer has yet to apply. */
export async function outstandingOf ({ jsm }: Operator, consumer: string): Promise<number> {
  const { num_pending: pending, num_ack_pending: unacknowledged } = await jsm.consumers.info(EVENTS_STREAM, consumer)
  return pending + unacknowledged
}
