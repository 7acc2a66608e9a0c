import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startSystem, type System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import pg from 'pg'
import { call, register, type Account } from './client.ts'

let system: System
let ada: Account
let ben: Account

beforeAll(async () => {
  system = await startSystem({ env: { RATE_LIMIT_MAX: '100000', SENSITIVE_RATE_LIMIT_MAX: '1000' } })
  ada = await register(system.gatewayUrl, 'Ada')
  ben = await register(system.gatewayUrl, 'Ben')
}, 60_000)
afterAll(async () => { await system?.stop() })

const api = (account: Account, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  call(system.gatewayUrl, method, path, { token: account.accessToken, body, headers })
const write = (account: Account, title: string, headers?: Record<string, string>) =>
  api(account, 'POST', '/api/posts', { title, content: 'Some content' }, headers)

async function allPages (account: Account, path: string, limit = 7) {
  const items: Array<{ id: string }> = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { status, body } = await api(
      account,
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${cursor}`}`
    )
    expect(status).toBe(200)
    items.push(...body.items)
    cursor = body.nextCursor
  }
  return items
}

test('a retry with its Idempotency-Key is answered as the first time, also after the service was killed', async () => {
  const first = await write(ada, 'Once', { 'idempotency-key': 'a-key' })
  expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null])
  await system.kill('posts')
  await system.startAgain('posts')
  const again = await eventually(async () => {
    const answer = await write(ada, 'Once', { 'idempotency-key': 'a-key' })
    expect(answer.status).toBe(201)
    return answer
  })
  expect(again.body).toEqual(first.body)
  for (const name of ['location', 'etag']) expect(again.headers.get(name)).toBe(first.headers.get(name))
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  const other = await write(ada, 'Twice', { 'idempotency-key': 'a-key' })
  expect([other.status, other.body.code]).toEqual([422, 'POSTS_IDEMPOTENCY_KEY_REUSED'])
})

test('ten parallel calls with one key make one post', async () => {
  const answers = await Promise
    .all(Array.from({ length: 10 }, () => write(ben, 'Parallel', { 'idempotency-key': 'ten' })))
  for (const { status } of answers) expect([201, 409]).toContain(status)
  for (const { headers } of answers.filter(({ status }) => status === 409)) {
    expect(headers.get('retry-after')).toMatch(/^\d+$/)
  }
  expect((await api(ben, 'GET', `/api/posts?authorId=${ben.userId}`)).body.items.filter((
    { title }: { title: string }
  ) => title === 'Parallel')).toHaveLength(1)
})

test('conditional requests pass the gateway: 304, 412, and a malformed tag is 400', async () => {
  const { body: { id }, headers } = await write(ada, 'Conditional')
  const url = `/api/posts/${id}`
  const cached = await api(ben, 'GET', url, undefined, { 'if-none-match': headers.get('etag')! })
  expect([cached.status, cached.body, cached.headers.get('etag')]).toEqual([304, '', '"1"'])
  const changed = await api(ada, 'PATCH', url, { title: 'Changed' }, { 'if-match': '"1"' })
  expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"'])
  expect((await api(ada, 'PATCH', url, { title: 'Lost' }, { 'if-match': 'W/"2", "1"' })).status).toBe(412)
  const malformed = await api(ada, 'DELETE', url, undefined, { 'if-match': '2' })
  expect([malformed.status, malformed.body.errors[0].path]).toEqual([400, '/headers/if-match'])
  expect((await api(ben, 'DELETE', url, undefined, { 'if-match': '"1"' })).status).toBe(403)
  expect((await api(ada, 'DELETE', url, undefined, { 'if-match': '*' })).status).toBe(204)
  expect((await api(ben, 'DELETE', url, undefined, { 'if-match': '*' })).status).toBe(404)
})

test('lists, searches and their cursors pass the gateway', async () => {
  for (let i = 0; i < 9; i++) await write(ada, `Paged walrus ${i}`)
  const titles = (items: unknown[]) =>
    (items as Array<{ title: string }>).map(({ title }) => title).filter((title) => title.startsWith('Paged'))
  const newestFirst = Array.from({ length: 9 }, (_, i) => `Paged walrus ${8 - i}`)
  expect(titles(await allPages(ben, `/api/posts?authorId=${ada.userId}`, 2))).toEqual(newestFirst)
  expect(titles(await allPages(ben, '/api/posts?q=walruses', 4)).sort()).toEqual([...newestFirst].sort())
  const { body: { nextCursor } } = await api(ben, 'GET', '/api/posts?q=walrus&limit=1')
  const elsewhere = await api(ben, 'GET', `/api/posts?q=seal&cursor=${nextCursor}`)
  expect([elsewhere.status, elsewhere.body.code]).toEqual([400, 'POSTS_INVALID_CURSOR'])
})

test('an overloaded database is 503 with Retry-After at the gateway too', async () => {
  const blocker = new pg.Client({ connectionString: system.ownerUrl('posts') })
  await blocker.connect()
  try {
    await blocker.query('BEGIN')
    await blocker.query('LOCK TABLE posts IN ROW EXCLUSIVE MODE')
    await blocker.query('UPDATE posts SET version = version WHERE author_id = $1', [ada.userId])
    const { body } = await api(ada, 'GET', `/api/posts?authorId=${ada.userId}&limit=1`)
    const refused = await api(ada, 'PATCH', `/api/posts/${body.items[0].id}`, { title: 'waits too long' })
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'OVERLOADED', '1'])
  } finally {
    await blocker.end()
  }
})

test('after kills of posts, feed and a lot of changes, feed and posts say the same', async () => {
  const accounts = [ada, ben]
  const ids: string[] = []
  const change = async (i: number) => {
    const account = accounts[i % 2]!
    if (i % 5 === 4) return api(account, 'DELETE', `/api/posts/${ids[i - 4] ?? ids[0]}`)
    if (i % 3 === 2) return api(account, 'PATCH', `/api/posts/${ids[i - 2] ?? ids[0]}`, { title: `changed ${i}` })
    const answer = await write(account, `post ${i}`)
    if (answer.status === 201) ids[i] = answer.body.id
  }
  for (let i = 0; i < 120; i++) {
    if (i === 40) await system.kill('feed')
    if (i === 60) await system.kill('posts')
    if (i === 62) await system.startAgain('posts')
    if (i === 90) await system.startAgain('feed')
    await change(i)
  }
  await eventually(async () => {
    const posts = (await allPages(ada, '/api/posts', 100)) as Array<
      { id: string, authorId: string, title: string, content: string, createdAt: string }
    >
    const feed = await allPages(ada, '/api/feed', 100)
    const names = { [ada.userId]: 'Ada', [ben.userId]: 'Ben' }
    expect(feed)
      .toEqual(posts.map(({ id, authorId, title, content, createdAt }) => ({
        id,
        title,
        content,
        createdAt,
        author: { id: authorId, displayName: names[authorId] }
      })))
  }, { withinMs: 15_000 })
})

async function events (...args: string[]) {
  return (await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../scripts/events.ts', import.meta.url)),
    ...args
  ], { env: system.operatorEnvironment })).stdout
}

test('a feed that lost everything is rebuilt by replaying the stream, and then equals the posts', async () => {
  const before = await allPages(ada, '/api/feed', 100)
  expect(before.length).toBeGreaterThan(20)
  const database = new pg.Client({ connectionString: system.ownerUrl('feed') })
  await database.connect()
  for (const table of ['entries', 'authors', 'inbox']) await database.query(`DELETE FROM ${table}`)
  await database.end()
  expect(await allPages(ada, '/api/feed')).toEqual([])

  await events('replay', '--consumer', 'feed-users', '--from', '1')
  await events('replay', '--consumer', 'feed-posts', '--from', '1')
  await eventually(async () => expect(await allPages(ada, '/api/feed', 100)).toEqual(before), { withinMs: 15_000 })
  expect(await events('audit')).toContain('unreconciled: 0')
})
