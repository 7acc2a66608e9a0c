import type { CloudEvent } from '@gatepost/contracts/event'
import type { Sql } from '../sql.ts'

export type InboxVerdict = 'new' | 'duplicate' | 'gap'

/**
 * Takes the row only if the event is the aggregate's next one (or any later one, where gaps are allowed), so two
 * replicas that have the same event meet at the row's lock and one of them sees a duplicate.
 */
const ADVANCE = `INSERT INTO inbox AS seen (consumer, aggregate_id, version)
  SELECT $1, $2::uuid, $3::int WHERE $4::boolean OR $3::int = 1 OR EXISTS (SELECT FROM inbox WHERE consumer = $1 AND aggregate_id = $2::uuid)
  ON CONFLICT (consumer, aggregate_id) DO UPDATE SET version = excluded.version, updated_at = now()
  WHERE seen.version < excluded.version AND ($4::boolean OR seen.version = excluded.version - 1)
  RETURNING version`
const SEEN = 'SELECT version FROM inbox WHERE consumer = $1 AND aggregate_id = $2::uuid'

/** Records the event as applied, inside the transaction of its effect; only `new` may be applied. */
export async function enterInbox (sql: Sql, consumer: string, event: CloudEvent, gapsAllowed: boolean): Promise<InboxVerdict> {
  const key = [consumer, event.subject]
  const advanced = await sql.query(ADVANCE, [...key, event.aggregateversion, gapsAllowed])
  if (advanced.length > 0) return 'new'
  const [seen] = await sql.query<{ version: number }>(SEEN, key)
  return seen && seen.version >= event.aggregateversion ? 'duplicate' : 'gap'
}
