import { setTimeout as sleep } from 'node:timers/promises'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { scan } from '../scan.ts'
import { parseEvent } from '../validation.ts'
import type { ErasureStore, Position } from './erasure-store.ts'
import { ERASABLE_SUBJECTS, isEnding } from './erasable.ts'

const BATCH = 200
/** Between batches: at full pace the reading would hold up all that is published meanwhile, several times over. */
const PAUSE_MS = 100

/**
 * Reads the stream from where the last reading ended, and notes the places of erasable events that the outbox does not
 * know: rows deleted before places were kept, and events that stand twice after a loss. A reading that is broken off
 * goes on from there.
 * Resolves with whether the end was reached.
 */
export async function readPositions (
  { store, nc, service, goOn }: { store: ErasureStore, nc: NatsConnection, service: string, goOn: () => boolean }
): Promise<boolean> {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const { state } = await jsm.streams.info(EVENTS_STREAM)
  const before = await store.readUpTo()
  if (state.last_seq === before) return true
  let read = 0
  let positions: Position[] = []
  let ends: { aggregateId: string, version: number }[] = []
  async function note (upTo: number) {
    await store.noteReading({ positions, ends, upTo })
    positions = []
    ends = []
  }
  // A stream that is shorter than it was is another one.
  const from = state.last_seq < before ? 1 : before + 1
  for await (
    const { seq: sequence, subject, data } of scan({ js: jsm.jetstream(), jsm }, {
      filter: `events.${service}.>`,
      from: { sequence: from }
    })
  ) {
    if (!goOn()) return false
    const event = ERASABLE_SUBJECTS.includes(subject) || isEnding(subject) ? eventIn(data) : undefined
    if (event && isEnding(subject)) ends.push({ aggregateId: event.subject, version: event.aggregateversion })
    else if (event) positions.push({ sequence, aggregateId: event.subject })
    if (++read % BATCH > 0) continue
    await note(sequence)
    await sleep(PAUSE_MS)
  }
  await note(state.last_seq)
  return true
}

function eventIn (data: Uint8Array) {
  try {
    return parseEvent(data)
  } catch {
    return undefined
  }
}
