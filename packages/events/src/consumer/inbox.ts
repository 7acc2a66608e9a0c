import type { CloudEvent } from '@gatepost/contracts/event'
import type { Sql } from '@gatepost/service-kit/sql'
import { timeOfUuidv7 } from '@gatepost/service-kit/uuid'

/**
 * `collision`: another event had its version before, as when the owner's database was restored; it is applied in its
 * place.
 */
export type InboxVerdict = 'new' | 'collision' | 'duplicate' | 'gap'

/**
 * Takes the row only if the event is the aggregate's next one (or any later one, where gaps are allowed), so two
 * replicas that have the same event meet at the row's lock and one of them sees a duplicate.
 */
const ADVANCE = `INSERT INTO inbox AS seen (consumer, aggregate_id, version, event_id)
  SELECT $1, $2::uuid, $3::int, $5::uuid WHERE $4::boolean OR $3::int = 1
    OR EXISTS (SELECT FROM inbox WHERE consumer = $1 AND aggregate_id = $2::uuid)
  ON CONFLICT (consumer, aggregate_id)
  DO UPDATE SET version = excluded.version, event_id = excluded.event_id, updated_at = now()
  WHERE seen.version < excluded.version AND ($4::boolean OR seen.version = excluded.version - 1)
  RETURNING version`
const SEEN = 'SELECT version, event_id::text AS "eventId" FROM inbox WHERE consumer = $1 AND aggregate_id = $2::uuid'
const GO_BACK = `UPDATE inbox SET version = $3::int, event_id = $4::uuid, updated_at = now()
  WHERE consumer = $1 AND aggregate_id = $2::uuid AND event_id = $5::uuid RETURNING version`
const NOTE =
  `INSERT INTO inbox_collisions (consumer, event_id, aggregate_id, version) VALUES ($1, $2::uuid, $3::uuid, $4::int)
  ON CONFLICT DO NOTHING`

interface Seen { version: number, eventId: string | null }

/** Records the event as applied, inside the transaction of its effect; only `new` and `collision` may be applied. */
export async function enterInbox (
  sql: Sql,
  consumer: string,
  event: CloudEvent,
  gapsAllowed: boolean
): Promise<InboxVerdict> {
  const key = [consumer, event.subject]
  const advanced = await sql.query(ADVANCE, [...key, event.aggregateversion, gapsAllowed, event.id])
  if (advanced.length > 0) return 'new'
  const [seen] = await sql.query<Seen>(SEEN, key)
  if (!seen || seen.version < event.aggregateversion) return 'gap'
  if (!supersedes(event, seen)) return 'duplicate'
  // Another replica may have done the same meanwhile.
  const back = await sql.query(GO_BACK, [...key, event.aggregateversion, event.id, seen.eventId])
  if (back.length === 0) return 'duplicate'
  await sql.query(NOTE, [consumer, event.id, event.subject, event.aggregateversion])
  return 'collision'
}

/** More than the clocks of an owner's replicas differ by. */
const SKEW_MS = 60_000

/**
 * Whether an event whose version is past was made after the one that was applied: its owner has forgotten that one. An
 * event of a lower version must be clearly later, since the inbox keeps the id of the last applied event alone.
 */
function supersedes (event: CloudEvent, { version, eventId }: Seen): boolean {
  if (eventId === null || event.id <= eventId) return false
  return version === event.aggregateversion ||
    timeOfUuidv7(event.id).getTime() - timeOfUuidv7(eventId).getTime() > SKEW_MS
}
