import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { jetstreamManager } from '@nats-io/jetstream'
import type { Broker } from '../broker.ts'
import { scan } from '../scan.ts'
import { UUID } from '../validation.ts'
import type { OutboxStore } from './outbox-store.ts'

const TIMEOUT_MS = 1_000
const BATCH = 500
const NANOSECONDS = 1e9

/**
 * Marks the rows that the stream has and the outbox does not know of. An event that was published
 * without an answer is recognised by its id when it is published again, but only within the stream's duplicate window.
 * A row younger than that cannot have been published before it began; for older ones the stream is read, from the last
 * event on that was marked before the oldest waiting row was stored. Throws when the broker or the database is away.
 */
export async function reconcile (store: OutboxStore, broker: Broker, service: string): Promise<void> {
  const jsm = await jetstreamManager(await broker.connected(), { checkAPI: false, timeout: TIMEOUT_MS })
  const { config: { duplicate_window: window }, state } = await jsm.streams.info(EVENTS_STREAM)
  // Half of the window: publishing the backlog takes time too.
  if (await store.oldestUnpublishedSeconds() < window / NANOSECONDS / 2) return
  const before = await store.lastSequenceBeforeOldest()
  if (before === state.last_seq) return
  let batch: { eventId: string, streamSequence: number }[] = []
  // A shorter stream is another one: the broker lost the old one.
  const from = before < state.last_seq ? before + 1 : 1
  for await (
    const message of scan({ js: jsm.jetstream(), jsm }, {
      filter: `events.${service}.>`,
      from: { sequence: from },
      headersOnly: true,
      idleMs: TIMEOUT_MS
    })
  ) {
    const eventId = message.headers?.get('Nats-Msg-Id') ?? ''
    if (UUID.test(eventId)) batch.push({ eventId, streamSequence: message.seq })
    if (batch.length < BATCH) continue
    await store.markFound(batch)
    batch = []
  }
  if (batch.length > 0) await store.markFound(batch)
}
