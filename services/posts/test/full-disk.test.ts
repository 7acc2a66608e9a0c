import { randomBytes } from 'node:crypto'
import { mountSmallDisk, type SmallDisk } from '@gatepost/testing/small-disk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

const SECONDS = { timeout: 5_000, interval: 50 }
let disk: SmallDisk | undefined
let posts: PostsUnderTest | undefined
beforeAll(async () => {
  disk = await mountSmallDisk(24)
  if (disk) posts = await startPosts({ broker: true, tablespace: disk.tablespace })
})
afterAll(async () => {
  await posts?.stop()
  await disk?.stop()
})

test('a full disk is 503 with Retry-After for writers; all returns within seconds of room', async (context) => {
  if (!disk || !posts) return context.skip()
  const userId = anybody()
  const { call } = posts
  // Random text, which PostgreSQL cannot compress: a few posts need new pages.
  const write = (headers = {}) =>
    call('POST', '/api/posts', {
      as: { userId },
      body: { title: 'A title', content: randomBytes(15_000).toString('base64') },
      headers
    })
  expect((await write()).statusCode).toBe(201)
  expect((await call('GET', '/api/posts')).statusCode).toBe(200)
  await disk.fill()
  const answers = []
  for (let count = 0; count < 30; count++) {
    answers.push(await write(count % 2 ? { 'idempotency-key': `key-${count}` } : {}))
  }
  const refused = answers.filter(({ statusCode }) => statusCode !== 201)
  expect(refused.length).toBeGreaterThan(5)
  for (const answer of refused) {
    expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1'])
  }
  expect((await call('GET', '/api/posts')).statusCode).toBe(200)
  await disk.free()
  await expect.poll(async () => (await write()).statusCode, SECONDS).toBe(201)
  await expect.poll(
    async () => (await posts!.sql.query('SELECT FROM outbox WHERE stream_sequence IS NULL')).rowCount,
    SECONDS
  ).toBe(0)
})
