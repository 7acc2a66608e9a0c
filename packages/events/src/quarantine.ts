import { type ConsumerDefinition, consumers, eventOfType } from '@gatepost/contracts/events'
import type { Sql } from '@gatepost/service-kit/sql'

/** An event that the stream refused for good; later ones of its aggregate wait behind it. */
export interface QuarantinedEvent {
  eventId: string
  type: string
  aggregateId: string
  version: number
  since: string
  attempts: number
  error: string
  /** Later events of its aggregate that wait. */
  behind: number
}

const LIST =
  `SELECT o.event_id::text AS "eventId", substr(o.subject, length('events.') + 1) AS type,
    o.aggregate_id::text AS "aggregateId", o.aggregate_version AS version, o.quarantined_at AS since,
    o.attempts, coalesce(o.last_error, '') AS error,
    (SELECT count(*)::int FROM outbox b WHERE b.aggregate_id = o.aggregate_id
      AND b.aggregate_version > o.aggregate_version AND b.stream_sequence IS NULL) AS behind
  FROM outbox o WHERE o.stream_sequence IS NULL AND o.quarantined_at IS NOT NULL ORDER BY o.id`
const WAITS = 'event_id = $1::uuid AND stream_sequence IS NULL AND quarantined_at IS NOT NULL'
const RELEASE = `UPDATE outbox SET quarantined_at = NULL, attempts = 0 WHERE ${WAITS} RETURNING id`
const REMOVE = `DELETE FROM outbox WHERE ${WAITS} RETURNING id`
const POSITION = 'SELECT version FROM inbox WHERE consumer = $1 AND aggregate_id = $2::uuid'
const PASS_OVER =
  `INSERT INTO inbox (consumer, aggregate_id, version, event_id) VALUES ($1, $2::uuid, $3::int, $4::uuid)
  ON CONFLICT (consumer, aggregate_id)
  DO UPDATE SET version = excluded.version, event_id = excluded.event_id, updated_at = now()
  WHERE inbox.version = excluded.version - 1`

/** The quarantined events of an owner's outbox, oldest first. */
export async function listQuarantined (sql: Sql): Promise<QuarantinedEvent[]> {
  const rows = await sql.query<Omit<QuarantinedEvent, 'since'> & { since: Date }>(LIST)
  return rows.map((row) => ({ ...row, since: row.since.toISOString() }))
}

/** Has the relay publish the event again, within some five seconds; false when it is not in quarantine. */
export async function releaseQuarantined (sql: Sql, eventId: string): Promise<boolean> {
  return (await sql.query(RELEASE, [eventId])).length > 0
}

/** The event cannot be left out; the message says why, and names the remedy. */
export class NotSkippableError extends Error {
  override name = 'NotSkippableError'
}

/**
 * Gives the event up: our consumers go on as if they had applied it, and the events behind it are published. Outside
 * subscribers see a gap in the versions. Throws {@link NotSkippableError} for a final event, without which consumers
 * would keep deleted rows, and while a consumer has not applied the event before.
 */
export async function skipQuarantined (
  owner: Sql,
  event: QuarantinedEvent,
  databaseOf: (consumer: ConsumerDefinition) => Promise<Sql>
): Promise<void> {
  const { eventId, type, aggregateId, version } = event
  if (eventOfType(type)?.final) {
    throw new NotSkippableError(`${type} ends its aggregate and cannot be skipped: remove the cause, then release it`)
  }
  const readers = Object.values<ConsumerDefinition>(consumers).filter(({ filter, gapless }) =>
    gapless && filter.startsWith(`events.${type.split('.')[0]}.`)
  )
  const databases = await Promise.all(readers.map(async (reader) => ({ reader, sql: await databaseOf(reader) })))
  for (const { reader: { name }, sql } of databases) {
    const [position] = await sql.query<{ version: number }>(POSITION, [name, aggregateId])
    if ((position?.version ?? 0) < version - 1) {
      throw new NotSkippableError(`${name} has applied version ${
        position?.version ?? 0
      } of ${aggregateId} so far: skip version ${version} once it is at ${version - 1}`)
    }
  }
  for (const { reader: { name }, sql } of databases) await sql.query(PASS_OVER, [name, aggregateId, version, eventId])
  await owner.query(REMOVE, [eventId])
}
