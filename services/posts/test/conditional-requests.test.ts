import type { Post } from '@gatepost/contracts/posts/schemas'
import { eventually } from '@gatepost/testing/eventually'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

let posts: PostsUnderTest
let post: Post
const userId = anybody()
beforeAll(async () => {
  posts = await startPosts()
})
afterAll(() => posts.stop())
beforeEach(async () => {
  post = await posts.write(userId)
  await posts.call('PATCH', `/api/posts/${post.id}`, { as: { userId }, body: { title: 'version 2' } })
})

const read = (tags: string) => posts.call('GET', `/api/posts/${post.id}`, { headers: { 'if-none-match': tags } })
const change = (tags: string, as = { userId }) =>
  posts.call('PATCH', `/api/posts/${post.id}`, { as, body: { content: 'changed' }, headers: { 'if-match': tags } })
const remove = (tags: string, as = { userId }) =>
  posts.call('DELETE', `/api/posts/${post.id}`, { as, headers: { 'if-match': tags } })

test.each(['"2"', 'W/"2"', '"1", "2"', '"x" , W/"2","y"', '*', '"a,b","2"'])(
  'If-None-Match %s names the present version: 304 without a body, with the ETag',
  async (tags) => {
    const answer = await read(tags)
    expect([answer.statusCode, answer.body, answer.headers.etag]).toEqual([304, '', '"2"'])
    expect(answer.headers).not.toHaveProperty('content-length')
    expect(answer.headers).not.toHaveProperty('content-type')
  }
)

test.each(['"1"', '"2x"', '"02"', '"a", "b"', '"a\\"', '"ÿ"'])(
  'If-None-Match %s names another version: 200',
  async (tags) => {
    expect((await read(tags)).statusCode).toBe(200)
  }
)

test.each(['"2"', '"1", "2"', '*', '"a,b" ,\t"2"', ',, "2" ,,"3",'])(
  'If-Match %s allows the change and the removal',
  async (tags) => {
    const answer = await change(tags)
    expect([answer.statusCode, answer.headers.etag]).toEqual([200, '"3"'])
    expect((await remove(tags.replace('"2"', '"3"'))).statusCode).toBe(204)
  }
)

test.each(['"1"', 'W/"2"', '"1", W/"2"', '""', '"3"', '"02"', '"99999999999999999999"', '"0"', '"-2"', '"2.0"'])(
  'If-Match %s is 412 and changes nothing',
  async (tags) => {
    for (const answer of [await change(tags), await remove(tags)]) {
      expect([answer.statusCode, answer.json().code])
        .toEqual([412, 'POSTS_VERSION_MISMATCH'])
    }
    expect(await posts.events(post.id)).toHaveLength(2)
  }
)

test('If-Match with a stale tag is 412 also when the change would change nothing', async () => {
  const answer = await posts.call('PATCH', `/api/posts/${post.id}`, {
    as: { userId },
    body: { title: 'version 2' },
    headers: { 'if-match': '"1"' }
  })
  expect(answer.statusCode).toBe(412)
})

test.each(['2', '"2', '2"', 'w/"2"', 'W/ "2"', '"2" "3"', '*, "2"', '"2";', '', '"a b"', '"2 "', ','])(
  '%j is no list of entity tags: 400',
  async (tags) => {
    for (
      const [header, answer] of [['if-match', await change(tags)], ['if-match', await remove(tags)], [
        'if-none-match',
        await read(tags)
      ]] as const
    ) {
      expect([answer.statusCode, answer.json().errors?.[0]?.path]).toEqual([400, `/headers/${header}`])
    }
  }
)

test('404 comes before 403, and 403 before 412', async () => {
  const stranger = { userId: anybody() }
  expect((await change('"1"', stranger)).statusCode).toBe(403)
  expect((await remove('"1"', stranger)).statusCode).toBe(403)
  await posts.call('DELETE', `/api/posts/${post.id}`, { as: { userId } })
  for (const tags of ['"1"', '*']) {
    expect((await change(tags, stranger)).statusCode).toBe(404)
    expect((await remove(tags)).statusCode).toBe(404)
    expect((await read(tags)).statusCode).toBe(404)
  }
})

test('of parallel changes and removals with one ETag exactly one wins', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    i % 4 === 3
      ? remove('"2"')
      : posts.call('PATCH', `/api/posts/${post.id}`, {
        as: { userId },
        body: { title: `title ${i}` },
        headers: { 'if-match': '"2"' }
      })))
  expect(answers.filter(({ statusCode }) => statusCode < 300)).toHaveLength(1)
  expect(answers.filter(({ statusCode }) => statusCode !== 412 && statusCode !== 404 && statusCode >= 300)).toEqual([])
  expect(await posts.events(post.id)).toHaveLength(3)
})

test('a change that waited for another one is judged by what that one left', async () => {
  const elsewhere = new pg.Client({ connectionString: posts.database.ownerUrl })
  const watcher = new pg.Client({ connectionString: posts.database.adminUrl })
  await Promise.all([elsewhere.connect(), watcher.connect()])
  const waiting = async (calls: number) => {
    expect((await watcher
      .query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount)
      .toBe(calls)
  }
  try {
    await elsewhere.query('BEGIN')
    await elsewhere.query('UPDATE posts SET version = 3 WHERE id = $1', [post.id])
    const answers = Promise.all([change('"3"'), change('"2"')])
    await eventually(() => waiting(2))
    await elsewhere.query('COMMIT')
    expect((await answers).map(({ statusCode, headers }) => [statusCode, headers.etag])).toEqual([[200, '"4"'], [
      412,
      undefined
    ]])
    expect((await posts.events(post.id)).at(-1)).toMatchObject({ aggregateversion: 4, data: { content: 'changed' } })

    await elsewhere.query('BEGIN')
    await elsewhere.query('UPDATE posts SET version = 5 WHERE id = $1', [post.id])
    const removal = remove('"5"')
    await eventually(() => waiting(1))
    await elsewhere.query('COMMIT')
    expect((await removal).statusCode).toBe(204)
  } finally {
    await Promise.all([elsewhere.end(), watcher.end()])
  }
})
