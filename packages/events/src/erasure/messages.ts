import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { eventOfType } from '@gatepost/contracts/events'
import { JetStreamApiError, type JetStreamManager, type StoredMsg } from '@nats-io/jetstream'
import { nextMessage } from '../next-message.ts'
import { DEAD_LETTER_STREAM, deadLetterSubject } from '../provision/configuration.ts'
import { parseEvent } from '../validation.ts'
import type { Position } from './erasure-store.ts'

const NOT_FOUND = 10043

/**
 * Overwrites the message on disk, if it belongs to the aggregate: after a loss the broker may have given its sequence
 * to another.
 */
export async function eraseMessage (jsm: JetStreamManager, { sequence, aggregateId }: Position): Promise<boolean> {
  const message = await jsm.streams.getMessage(EVENTS_STREAM, { seq: sequence })
  return message !== null && erasableAggregateOf(message.data) === aggregateId &&
    await deleteMessage(jsm, EVENTS_STREAM, sequence)
}

/** Overwrites the dead letters of the aggregates. Final events stay: a consumer has yet to apply them. */
export async function eraseDeadLetters (jsm: JetStreamManager, aggregateIds: string[]): Promise<number> {
  const { state } = await jsm.streams.info(DEAD_LETTER_STREAM)
  if (state.messages === 0) return 0
  const ended = new Set(aggregateIds)
  let count = 0
  // The last subject has letters of releases whose subjects named no aggregate, and letters that hold no event.
  for (const subject of [...aggregateIds.map((id) => deadLetterSubject('*', id)), deadLetterSubject('*')]) {
    for await (const { seq, data } of messagesOf(jsm, subject)) {
      if (ended.has(erasableAggregateOf(data) ?? '') && await deleteMessage(jsm, DEAD_LETTER_STREAM, seq)) count++
    }
  }
  return count
}

async function * messagesOf (jsm: JetStreamManager, subject: string): AsyncGenerator<StoredMsg> {
  for (let sequence = 1; ;) {
    const message = await nextMessage(jsm, DEAD_LETTER_STREAM, sequence, subject)
    if (!message) return
    yield message
    sequence = message.seq + 1
  }
}

/** False when it is gone already. */
async function deleteMessage (jsm: JetStreamManager, stream: string, sequence: number) {
  try {
    return await jsm.streams.deleteMessage(stream, sequence, true)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NOT_FOUND) return false
    throw error
  }
}

function erasableAggregateOf (data: Uint8Array): string | undefined {
  try {
    const event = parseEvent(data)
    return eventOfType(event.type)?.final ? undefined : event.subject
  } catch {
    return undefined // no event, so of no aggregate
  }
}
