import { setTimeout as sleep } from 'node:timers/promises'
import { outboxOwners } from '@gatepost/contracts/declarations'
import { pluralOf } from '@gatepost/contracts/event'
import { consumers } from '@gatepost/contracts/events'
import {
  auditOutbox,
  auditRows,
  indexStream,
  type AuditedRow,
  type Finding,
  type StreamIndex
} from '@gatepost/events/audit'
import { type Part, partCondition, partsOf } from '@gatepost/events/parts'
import { unpublishedIn } from '@gatepost/events/resync'
import { outstandingOf } from '@gatepost/events/rewind'
import type { Sql } from '@gatepost/service-kit/sql'
import type { EventsContext } from './context.ts'
import { table } from './table.ts'

interface Counts {
  events: number
  repeated: number
  collisions: number
  aggregates: number
  /** Rows by their table. */
  rows: Record<string, number>
}

/** Compares rows of all owners, their outboxes, the stream and the feed, after waiting for events under way. */
export async function audit (context: EventsContext): Promise<boolean> {
  const { args, operator, print } = context
  const unsettled = await settle(context)
  const findings: Finding[] = []
  const counts: Counts = { events: 0, repeated: 0, collisions: 0, aggregates: 0, rows: {} }
  for (const part of await partsOf(await operator())) await auditPart(context, part, findings, counts)
  const shown = findings.slice(0, 50)
  const { rows, ...ofEvents } = counts
  const { events, repeated, collisions, aggregates } = ofEvents
  const shownRows = Object.entries(rows).map(([name, count]) => `, ${count} ${name}`).join('')
  const asides = [
    ...repeated > 0 ? [`${repeated} stand in the stream twice, with the same id`] : [],
    ...collisions > 0 ? [`${collisions} have a version that another one had before, as of a restored database`] : [],
    ...unsettled > 0 ? [`${unsettled} events under way`] : []
  ]
  print(
    { ...ofEvents, ...rows, underWay: unsettled, unreconciled: findings.length, findings },
    [
      [`${events} events of ${aggregates} aggregates${shownRows}`, ...asides].join('; '),
      ...shown.length > 0
        ? [table(['where', 'id', 'problem'], shown.map((finding) => [finding.where, finding.id, finding.problem]))]
        : [],
      `unreconciled: ${findings.length}`
    ].join('\n')
  )
  return findings.length === 0 && (unsettled === 0 || args.wait === 0)
}

async function auditPart (
  { operator, database, progress }: EventsContext,
  part: Part,
  findings: Finding[],
  counts: Counts
) {
  const index = await indexStream(await operator(), { part, onProgress: (read) => progress(`${read} events read`) })
  findings.push(...index.findings)
  for (const { name: owner, events } of outboxOwners) {
    const sql = await database(owner)
    const waiting = await auditOutbox(owner, sql, index, findings, part)
    for (const aggregate of new Set(events.map(({ aggregate }) => aggregate))) {
      const name = pluralOf(aggregate).replaceAll('-', '_')
      if (!await hasVersions(sql, name)) continue
      const rows = await sql.query<AuditedRow>(
        `SELECT id::text, version FROM ${name} WHERE ${partCondition('id', part)}`
      )
      auditRows({ where: `${owner} rows`, owner, aggregate }, rows, index, waiting, findings)
      counts.rows[name] = (counts.rows[name] ?? 0) + rows.length
    }
  }
  await auditFeed(await database('feed'), part, index, findings)
  counts.events += index.sequences.size
  counts.repeated += index.repeated
  counts.collisions += index.collisions
  counts.aggregates += index.aggregates.size
}

/** Whether the aggregates of a kind are rows that know their version; ended sessions, for one, are not kept. */
async function hasVersions (sql: Sql, name: string) {
  const found = await sql.query(
    `SELECT FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = $1 AND column_name = 'version'`,
    [name]
  )
  return found.length > 0
}

/** Waits until no event is between a row and the feed; returns the number that still is. */
async function settle ({ args, operator, database, progress }: EventsContext): Promise<number> {
  const deadline = Date.now() + args.wait * 1_000
  for (;;) {
    const counts = [
      ...await Promise.all(outboxOwners.map(async ({ name }) => unpublishedIn(await database(name)))),
      ...await Promise.all(Object.keys(consumers).map(async (name) => outstandingOf(await operator(), name)))
    ]
    const left = counts.reduce((sum, count) => sum + count, 0)
    if (left === 0 || Date.now() >= deadline) return left
    progress(`${left} events under way`)
    await sleep(100)
  }
}

interface AppliedRow extends AuditedRow { eventId: string | null }

/** The feed has applied the last event of every post and shows the posts that are there. */
async function auditFeed (feed: Sql, part: Part, index: StreamIndex, findings: Finding[]) {
  const applied = await feed.query<AppliedRow>(
    `SELECT aggregate_id::text AS id, version, event_id::text AS "eventId"
    FROM inbox WHERE consumer = 'feed-posts' AND ${partCondition('aggregate_id', part)}`
  )
  const shown = await feed.query<{ id: string }>(`SELECT id::text FROM entries WHERE ${partCondition('id', part)}`)
  const inbox = new Map(applied.map((row) => [row.id, row]))
  const entries = new Set(shown.map((row) => row.id))
  for (const [id, { owner, aggregate, version, lastId, final }] of index.aggregates) {
    if (owner !== 'posts' || aggregate !== 'post') continue
    const { version: applied = 0, eventId = null } = inbox.get(id) ?? {}
    if (applied !== version) {
      findings.push({ where: 'feed', id, problem: `has applied version ${applied} of ${version}` })
    } else if (eventId !== null && lastId !== null && eventId !== lastId) {
      findings.push({
        where: 'feed',
        id,
        problem: `has applied another event as version ${version}; \`events rebuild feed-posts\` applies it`
      })
    } else if (final === entries.has(id)) {
      findings.push({ where: 'feed', id, problem: final ? 'is deleted and still shown' : 'is not shown' })
    }
    entries.delete(id)
  }
  for (const id of entries) findings.push({ where: 'feed', id, problem: 'is shown, and no event speaks of it' })
}
