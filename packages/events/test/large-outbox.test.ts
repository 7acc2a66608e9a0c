import { postCreated, postUpdated } from '@gatepost/contracts/posts/events'
import { sessionConfig } from '@gatepost/service-kit/database-session'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createErasureStore } from '../src/erasure/erasure-store.ts'
import { createOutboxStore, OUTBOX_SESSION } from '../src/relay/outbox-store.ts'

const PUBLISHED = 1_000_000
const WAITING = 100_000
const ENDED = 40_000
/** Ended aggregates to erase now. */
const DUE = 4_000
/** Of an outbox that is pruned after a week, these are older. */
const PRUNABLE = 5_000
/** Rows that a statement may read: a few for each row that it needs, and entries of rows that have just changed. */
const ROWS_EACH = 6
const JUST_CHANGED = 1_200

let database: TestDatabase
let owner: pg.Client
let pool: pg.Pool
beforeAll(async () => {
  database = await createDatabase('posts')
  owner = new pg.Client({ connectionString: database.ownerUrl })
  await owner.connect()
  // With one connection, its own readings are all readings.
  pool = new pg.Pool({
    ...sessionConfig({ url: database.url, name: 'large-outbox', settings: OUTBOX_SESSION }),
    max: 1
  })
})
afterAll(async () => {
  await pool.end()
  await owner.end()
  await database.drop()
})

const aggregate = (number: string) => `('01900000-0000-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`

/**
 * Two published versions of each aggregate, over six days; and ends of others, whose rows are pruned and whose places
 * are kept.
 */
async function fillPublished () {
  // Indexes are made faster than they grow.
  const { rows: indexes } = await owner.query<
    { name: string, definition: string }
  >(`SELECT indexname AS name, indexdef AS definition
    FROM pg_indexes WHERE tablename = 'outbox'`)
  await owner
    .query(`SET synchronous_commit = off; ALTER TABLE outbox SET UNLOGGED; ${
      ['outbox', 'event_positions', 'erasures'].map((table) => `ALTER TABLE ${table} SET (autovacuum_enabled = off)`)
        .join(';')
    };
    ALTER TABLE outbox DROP CONSTRAINT outbox_pkey; ${
      indexes.map(({ name }) => `DROP INDEX IF EXISTS ${name}`).join(';')
    };
    INSERT INTO outbox
        (event_id, aggregate_id, aggregate_version, subject, payload, created_at, published_at, stream_sequence)
      SELECT uuidv7(), ${aggregate('(i + 1) / 2')}, 2 - i % 2,
        (ARRAY['${postUpdated.subject}', '${postCreated.subject}'])[1 + i % 2], '', at, at, i
      FROM generate_series(1, ${PUBLISHED}) i,
        LATERAL (SELECT now() - interval '7 days' + (i - ${PRUNABLE}) * interval '0.5 s') AS time (at);
    ${indexes.map(({ definition }) => definition).join(';')};
    INSERT INTO event_positions (stream_sequence, aggregate_id)
      SELECT ${PUBLISHED} + i, ${aggregate(`${PUBLISHED} + i / 10`)} FROM generate_series(1, 10 * ${DUE}) i;
    INSERT INTO erasures (aggregate_id, version, due_at) SELECT ${aggregate(`${PUBLISHED} + i`)}, 11, now() + (i / ${
      DUE + 1
    }) * interval '1 hour'
      FROM generate_series(1, ${ENDED}) i;
    ANALYZE`)
}

/** Two further versions of aggregates, of which nothing is published. */
const fillWaiting = () =>
  owner.query(`INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload)
  SELECT uuidv7(), ${
    aggregate('(i + 1) / 2')
  }, 4 - i % 2, '${postUpdated.subject}', '' FROM generate_series(1, ${WAITING}) i`)

/** How many rows and index entries the work of a statement or two reads, of all tables. */
async function readBy (work: () => Promise<unknown>): Promise<number> {
  const count = async () => {
    await pool.query('SELECT pg_stat_force_next_flush()')
    const { rows: [row] } = await pool.query(`SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::int
      + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::int AS count`)
    return row.count
  }
  const before = await count()
  await work()
  return await count() - before
}

test('statements of the relay read the rows that they need, of a million published ones and a backlog', {
  timeout: 120_000
}, async () => {
  await fillPublished()
  await fillWaiting()
  const outbox = createOutboxStore(pool)
  const erasure = createErasureStore(pool)
  const tooMany: string[] = []
  /** Notes work that reads more than some rows for each of `rows`. */
  async function about (rows: number, name: string, work: () => Promise<unknown>) {
    const read = await readBy(work)
    if (read > ROWS_EACH * rows + JUST_CHANGED) tooMany.push(`${name}: reads ${read} rows, and is about ${rows}`)
  }
  const all = { known: new Set<string>(), quarantined: [], forbidden: [], limit: 2_000 }
  async function checkAll (statistics: string) {
    function check (name: string, rows: number, work: () => Promise<unknown>) {
      return about(rows, `${name} with statistics of ${statistics}`, work)
    }
    const placesOf = (ids: string[]) => ids.map((aggregateId, at) => ({ aggregateId, sequence: 4 * PUBLISHED + at }))
    const { rows: [{ last }] } = await owner.query('SELECT max(id)::text AS last FROM outbox')
    const claimed = await outbox.claim({ ...all, after: 0n })
    expect(claimed.filter((row) => row.waitsFor !== null)).toHaveLength(1_000)
    await check('claim', 2_000, () => outbox.claim({ ...all, after: 0n }))
    await check(
      'claim beside known rows',
      4_000,
      () => outbox.claim({ ...all, after: 0n, known: new Set(claimed.map(({ id }) => id)) })
    )
    await check('look for new rows', 0, () => outbox.claim({ ...all, after: BigInt(last) }))
    await check('claim of a subject', 1, () => outbox.claimOf(postUpdated.subject, []))
    await check('oldest unpublished', 1, () => outbox.oldestUnpublishedSeconds())
    await check('quarantined', 0, () => outbox.quarantined())
    await check('last before the oldest', 1, () => outbox.lastSequenceBeforeOldest())
    await check('fail', 1, () => outbox.fail({ ...claimed[0]!, attempts: 1 }, 'refused', false))
    await check(
      'mark',
      2_000,
      () => outbox.mark(claimed.map(({ id }, at) => ({ id, streamSequence: 2 * PUBLISHED + at })))
    )
    const found = await outbox.claim({ ...all, after: 0n, limit: 500 })
    await check(
      'mark found',
      500,
      () => outbox.markFound(found.map(({ eventId }, at) => ({ eventId, streamSequence: 3 * PUBLISHED + at })))
    )
    await check('prune when nothing is old', 0, () => outbox.prune(30, 1_000))
    await check('prune', 1_000, async () => expect(await outbox.prune(7, 1_000)).toBe(1_000))

    const due = await erasure.due(100)
    const ids = due.map(({ aggregateId }) => aggregateId)
    await check('erasures that are due', 100, () => erasure.due(100))
    await check('all erasures that are due', DUE, () => erasure.due(ENDED))
    const positions = await erasure.find(ids)
    expect(positions).toHaveLength(500)
    await check('places of ended aggregates', 1_000, () => erasure.find(ids))
    await check('forget', 1_000, () => erasure.forget(positions))
    await check('forget refused', 0, () => erasure.forgetRefused())
    await check('settle', 100, () => erasure.settle(due))
    await check('postpone', 100, () => erasure.postpone(ids))
    await check('oldest erasure', 1, () => erasure.oldestSeconds())
    const ends = ids.map((aggregateId) => ({ aggregateId, version: 12 }))
    await check('note places', 100, () => erasure.noteReading({ positions: placesOf(ids), ends, upTo: 1 }))
  }
  await checkAll('a calm outbox')
  // As autovacuum does, which is off, so that its snapshots keep no entry of a marked row in the indexes while rows are
  // counted.
  await owner.query('VACUUM ANALYZE')
  await checkAll('the backlog')
  expect(tooMany).toEqual([])
})
