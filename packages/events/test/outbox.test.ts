import { userDeleted } from '@gatepost/contracts/auth/events'
import { postDeleted } from '@gatepost/contracts/posts/events'
import { parseTraceparent } from '@gatepost/service-kit/tracing'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { createDatabase } from '@gatepost/testing/database'
import { sqlOfPool } from '@gatepost/service-kit/sql'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { appendEvents, outboxRow, UnpublishableEventError } from '../src/outbox.ts'

const traceOf = (traceparent?: string) =>
  parseTraceparent(outboxRow(userDeleted, { data: { userId: uuidv7() }, aggregateVersion: 3, traceparent }).event
    .traceparent)

test('an event carries the trace of its cause', () => {
  expect(traceOf('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')).toMatchObject({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331'
  })
})

test('an event that no request and no event led to begins a trace', () => {
  expect(traceOf()?.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(traceOf()?.traceId).not.toBe(traceOf()?.traceId)
})

test('events that are stored together are one row each, in their order', async () => {
  const database = await createDatabase('posts')
  const pool = new pg.Pool({ connectionString: database.url })
  onTestFinished(async () => {
    await pool.end()
    await database.drop()
  })
  const sql = sqlOfPool(pool)
  const [post, other] = [uuidv7(), uuidv7()]
  const deletion = (postId: string, aggregateVersion: number) => ({
    data: { postId, authorId: uuidv7() },
    aggregateVersion
  })
  await appendEvents(sql, postDeleted, [])
  await appendEvents(sql, postDeleted, [deletion(post, 1), deletion(other, 1), deletion(post, 2)])
  const { rows } = await pool
    .query('SELECT event_id, aggregate_id, aggregate_version, payload FROM outbox ORDER BY id')
  expect(rows.map((row) => [row.aggregate_id, row.aggregate_version])).toEqual([[post, 1], [other, 1], [post, 2]])
  for (const row of rows) {
    expect(JSON.parse(row.payload)).toMatchObject({
      id: row.event_id,
      subject: row.aggregate_id,
      aggregateversion: row.aggregate_version
    })
  }
  const broken = appendEvents(sql, postDeleted, [deletion(post, 3), deletion('no uuid', 1)])
  await expect(broken).rejects.toThrow(UnpublishableEventError)
  expect((await pool.query('SELECT FROM outbox')).rowCount).toBe(3)
})
