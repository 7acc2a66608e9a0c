import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FeedUnderTest, startFeed } from './support/feed-server.ts'

const ROWS = 30_000
let feed: FeedUnderTest
beforeAll(async () => {
  feed = await startFeed()
  await feed.sql
    .query(`INSERT INTO authors (id, display_name)
      SELECT ('01900000-0000-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid, 'Author ' || i
      FROM generate_series(0, 199) i`)
  await feed.sql.query(`INSERT INTO entries (id, author_id, title, content, created_at)
    SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
      ('01900000-0000-7000-9000-' || lpad(to_hex(i % 200), 12, '0'))::uuid, 'number ' || i, 'text', now()
    FROM generate_series(1, ${ROWS}) i`)
  await feed.sql.query('ANALYZE authors')
  await feed.sql.query('ANALYZE entries')
})
afterAll(() => feed?.stop())

test('the feed is paged newest first, without repetition or omission, while entries come and go', async () => {
  const first = (await feed.get('?limit=100')).json()
  expect(first.items[0].title).toBe(`number ${ROWS}`)
  await feed.sql
    .query(`INSERT INTO entries (id, author_id, title, content, created_at)
      VALUES ('01900000-0000-7000-8000-ffffffffffff', '01900000-0000-7000-9000-000000000000', 'new', 'text', now())`)
  await feed.sql.query('DELETE FROM entries WHERE title = $1 OR title = $2', [
    `number ${ROWS - 99}`,
    `number ${ROWS - 150}`
  ])
  const second = (await feed.get(`?limit=100&cursor=${first.nextCursor}`)).json()
  expect([...first.items, ...second.items].map(({ title }) => title))
    .toEqual(Array.from({ length: 201 }, (_, i) => `number ${ROWS - i}`).filter((title) =>
      title !== `number ${ROWS - 150}`
    ))
})

test('the default page has 20 items, and the last one no cursor', async () => {
  expect((await feed.get()).json().items).toHaveLength(20)
  await feed.sql.query("DELETE FROM entries WHERE id > '01900000-0000-7000-8000-000000000003'")
  const page = (await feed.get('?limit=3')).json()
  expect([page.items.length, page.nextCursor]).toEqual([3, null])
})

test('a cursor outlives a restart; one that was changed or made elsewhere is 400 FEED_INVALID_CURSOR', async () => {
  const { nextCursor } = (await feed.get('?limit=1')).json()
  for (
    const cursor of [
      `${nextCursor}A`,
      nextCursor.slice(2),
      'AAAA',
      Buffer.from(`${'x'.repeat(16)}["a"]`).toString('base64url')
    ]
  ) {
    const answer = await feed.get(`?cursor=${cursor}`)
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'FEED_INVALID_CURSOR'])
  }
  await feed.restart()
  expect((await feed.get(`?limit=1&cursor=${nextCursor}`)).json().items[0].title).toBe('number 2')
})

test.each(['?limit=0', '?limit=101', '?cursor=', '?authorId=x', '?limit=2&limit=3'])('%s is 400', async (query) => {
  expect((await feed.get(query)).statusCode).toBe(400)
})

test('without a token it is 401, whatever other headers claim', async () => {
  const answer = await feed.app.inject({
    url: '/api/feed',
    headers: { 'x-user-id': '01900000-0000-7000-9000-000000000000' }
  })
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'TOKEN_REQUIRED'])
})
