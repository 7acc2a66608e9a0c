import type { CloudEvent } from '@gatepost/contracts/event'
import type { Sql } from '@gatepost/service-kit/sql'

/** An event is begun again at most this often; then it is a dead letter. */
export const MAX_STARTS = 5

const BEGIN = `INSERT INTO event_starts AS known (consumer, event_id, starts) VALUES ($1, $2::uuid, 1)
  ON CONFLICT (consumer, event_id) DO UPDATE SET starts = known.starts + 1, begun_at = now() RETURNING starts`
const BEGUN = 'SELECT starts FROM event_starts WHERE consumer = $1 AND event_id = $2::uuid'
const FORGET = 'DELETE FROM event_starts WHERE consumer = $1 AND event_id = $2::uuid'

/**
 * Counts how often the handling of a redelivered event was begun. Committed before the handler runs, so that an event
 * which kills the process is known by its count.
 */
export async function countStart (sql: Sql, consumer: string, event: CloudEvent): Promise<number> {
  const [row] = await sql.query<{ starts: number }>(BEGIN, [consumer, event.id])
  return row!.starts
}

/** The starts of the event's handling that did not end. */
export async function startsOf (sql: Sql, consumer: string, event: CloudEvent): Promise<number> {
  const [row] = await sql.query<{ starts: number }>(BEGUN, [consumer, event.id])
  return row?.starts ?? 0
}

/** To be called where the event ends: applied, or stored as a dead letter, which may be replayed. */
export async function forgetStarts (sql: Sql, consumer: string, event: CloudEvent) {
  await sql.query(FORGET, [consumer, event.id])
}
