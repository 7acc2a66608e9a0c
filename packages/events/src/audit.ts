import type { CloudEvent } from '@gatepost/contracts/event'
import { eventOfType } from '@gatepost/contracts/events'
import type { Sql } from '@gatepost/service-kit/sql'
import type { Operator } from './operator.ts'
import { isInPart, type Part, partCondition, WHOLE } from './parts.ts'
import { scan } from './scan.ts'
import { MalformedEventError, parseEvent } from './validation.ts'

/** Something that does not add up. */
export interface Finding {
  /** Where: `stream`, `auth outbox`, `posts rows`, `feed` … */
  where: string
  /** The aggregate, event or sequence in question. */
  id: string
  problem: string
}

/** One aggregate according to the stream. */
export interface StreamedAggregate {
  owner: string
  aggregate: string
  version: number
  /** Id of its last event; null of a snapshot, which says what events before it said. */
  lastId: string | null
  final: boolean
}

interface Reading extends StreamedAggregate {
  /**
   * Versions that stand where an earlier one belongs: a fault, unless the aggregate ended and its events were erased.
   */
  gaps: string[]
  /** Whether an erasable event stands in the stream. */
  erasable: boolean
}

export interface StreamIndex {
  aggregates: Map<string, StreamedAggregate>
  /** Sequence by event id. */
  sequences: Map<string, number>
  /** Events that stand in it more than once, which subscribers recognise by their id. */
  repeated: number
  /** Events whose version another event of their aggregate had before: its owner's database was restored. */
  collisions: number
  findings: Finding[]
}

/** An erasure takes ten seconds at most while all is well. */
const ERASURE_MS = 60_000

/**
 * Reads the whole stream: every event valid, each aggregate's versions in order without a gap, and no erasable event of
 * an aggregate that ended a minute ago. Of a part of the aggregates, where their ids are too many at once.
 */
export async function indexStream (
  operator: Operator,
  { part = WHOLE, onProgress }: { part?: Part, onProgress?: (read: number) => void } = {}
): Promise<StreamIndex> {
  const aggregates = new Map<string, Reading>()
  const index: StreamIndex = { aggregates, sequences: new Map(), repeated: 0, collisions: 0, findings: [] }
  const finding = (id: string, problem: string) => index.findings.push({ where: 'stream', id, problem })
  for await (const message of scan(operator)) {
    if (message.seq % 1_000 === 0) onProgress?.(message.seq)
    try {
      const event = parseEvent(message.data)
      if (!isInPart(event.subject, part)) continue
      if (index.sequences.has(event.id)) {
        index.repeated++
        continue
      }
      index.sequences.set(event.id, message.seq)
      const definition = eventOfType(event.type)
      const [, owner = ''] = message.subject.split('.')
      const reading = aggregates.get(event.subject) ??
        {
          owner,
          aggregate: definition?.aggregate ?? '',
          version: 0,
          lastId: '',
          final: false,
          gaps: [],
          erasable: false
        }
      aggregates.set(event.subject, reading)
      if (definition?.creating && event.aggregateversion > 1) {
        noteSnapshot(reading, event)
        continue
      }
      const expected = reading.version + 1
      const misplaced = `version ${event.aggregateversion} stands at sequence ${message.seq}, where ${expected} belongs`
      if (event.aggregateversion > expected) reading.gaps.push(misplaced)
      else if (event.aggregateversion < expected && reading.gaps.length > 0) finding(event.subject, misplaced)
      else if (event.aggregateversion < expected) index.collisions++
      // Of two lines of events the later one counts: the owner has forgotten the other.
      if (reading.gaps.length === 0 || event.aggregateversion >= expected) {
        Object.assign(reading, { version: event.aggregateversion, lastId: event.id, final: definition?.final === true })
      }
      reading.erasable ||= definition?.erasable === true
      if (definition?.final && reading.erasable && Date.now() - Date.parse(event.time) > ERASURE_MS) {
        finding(
          event.subject,
          `ended at sequence ${message.seq}, and earlier events of it are not erased; does the relay of ${owner} run?`
        )
      }
    } catch (error) {
      if (!(error instanceof MalformedEventError)) throw error
      if (part.index === 0) finding(String(message.seq), error.message)
    }
  }
  for (const [id, { final, gaps }] of aggregates) if (!final) for (const gap of gaps) finding(id, gap)
  return index
}

/** Nothing before it is missed, and whoever has its version has nothing of it to learn. */
function noteSnapshot (reading: Reading, event: CloudEvent) {
  reading.gaps = []
  reading.erasable = true
  if (event.aggregateversion >= reading.version) {
    Object.assign(reading, { version: event.aggregateversion, lastId: null, final: false })
  }
}

const outbox = (part: Part) =>
  `SELECT o.id::text, o.event_id::text AS "eventId", o.aggregate_id::text AS "aggregateId",
  o.aggregate_version AS version, o.stream_sequence::float8 AS sequence,
  o.quarantined_at IS NOT NULL AS quarantined, o.last_error AS error
  FROM outbox o WHERE o.id > $1::bigint AND ${partCondition('o.aggregate_id', part)} ORDER BY o.id LIMIT 5000`

interface OutboxLine {
  id: string
  eventId: string
  aggregateId: string
  version: number
  sequence: number | null
  quarantined: boolean
  error: string | null
}

/**
 * Every row of an outbox is in the stream where it says, or still waits. Returns the versions that wait, by aggregate.
 */
export async function auditOutbox (
  service: string,
  sql: Sql,
  index: StreamIndex,
  findings: Finding[],
  part: Part = WHOLE
): Promise<Map<string, number>> {
  const waiting = new Map<string, number>()
  for (let after = '0'; ;) {
    const rows = await sql.query<OutboxLine>(outbox(part), [after])
    const last = rows.at(-1)
    if (!last) return waiting
    after = last.id
    for (const row of rows) {
      const finding = (problem: string) => findings.push({ where: `${service} outbox`, id: row.eventId, problem })
      if (row.quarantined && row.sequence === null) finding(`in quarantine: ${row.error}`)
      else if (row.sequence === null) {
        waiting.set(row.aggregateId, Math.max(row.version, waiting.get(row.aggregateId) ?? 0))
      } else if (!index.sequences.has(row.eventId) && !isErased(row, index)) {
        finding(`published as ${row.sequence} and not in the stream; \`events resync\` publishes it again`)
      }
    }
  }
}

/** The row goes right after its message. */
function isErased ({ aggregateId, version }: OutboxLine, { aggregates }: StreamIndex) {
  const aggregate = aggregates.get(aggregateId)
  return aggregate?.final === true && version < aggregate.version
}

export interface AuditedRow {
  id: string
  version: number
}

/**
 * Every row's version is the last one that was published or waits, and every aggregate that did not end has its row.
 */
export function auditRows (
  { where, owner, aggregate }: { where: string, owner: string, aggregate: string },
  rows: readonly AuditedRow[],
  index: StreamIndex,
  waiting: Map<string, number>,
  findings: Finding[]
) {
  const present = new Set<string>()
  for (const { id, version } of rows) {
    present.add(id)
    const streamed = index.aggregates.get(id)
    const known = Math.max(streamed?.version ?? 0, waiting.get(id) ?? 0)
    if (known !== version) findings.push({ where, id, problem: `is at version ${version}, its events at ${known}` })
  }
  for (const [id, streamed] of index.aggregates) {
    if (
      streamed.owner !== owner || streamed.aggregate !== aggregate || streamed.final || waiting.has(id) ||
      present.has(id)
    ) continue
    findings.push({ where, id, problem: `is at version ${streamed.version} in the stream, and there is no row` })
  }
}
