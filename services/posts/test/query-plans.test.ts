import { type Planner, startPlanner } from '@gatepost/testing/query-plans'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outboxRow } from '@gatepost/events/outbox'
import { postCreated } from '@gatepost/contracts/posts/events'
import { type Database, openDatabase } from '../src/database.ts'
import { creationRepository } from '../src/posts/creation-repository.ts'
import { postRepository } from '../src/posts/post-repository.ts'
import { searchRepository } from '../src/posts/search-repository.ts'
import { anybody } from './support/posts-server.ts'

const ROWS = 60_000
const author = anybody()
let planner: Planner<Database>

beforeAll(async () => {
  planner = await startPlanner('posts', openDatabase, [
    `INSERT INTO posts (id, author_id, title, content, created_at, updated_at)
      SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
        ('01900000-0000-7000-9000-' || lpad(to_hex(i % 20), 12, '0'))::uuid,
        'number ' || i, 'every post has word' || i % 1000, now(), now() FROM generate_series(1, ${ROWS}) i`,
    'ANALYZE posts'
  ])
})
afterAll(() => planner?.stop())

const id = '01900000-0000-7000-8000-000000009876'
const known = '01900000-0000-7000-9000-000000000007'

test('a post is read by its primary key', async () => {
  await postRepository.find(planner.sql, id)
  for (const nodes of await planner.plans()) expect(nodes).toEqual(['Index Scan posts_pkey'])
})

test('the list is read off the primary key, without a sort', async () => {
  for (const before of [undefined, id]) {
    await postRepository.list(planner.sql, { before, limit: 21 })
    for (const nodes of await planner.plans()) expect(nodes).toEqual(['Limit', 'Index Scan posts_pkey'])
  }
})

test('the list of an author is read off its index, without a sort', async () => {
  for (const before of [undefined, id]) {
    await postRepository.list(planner.sql, { authorId: known, before, limit: 21 })
    for (const nodes of await planner.plans()) {
      expect(nodes).toEqual(['Limit', 'Index Scan posts_author_id_id_idx'])
    }
  }
})

test('a search for a word uses the index of words', async () => {
  await searchRepository.search(planner.sql, { q: 'word77', limit: 21 })
  const nodes = await planner.plan()
  expect(nodes).toContain('Bitmap Index Scan posts_search_idx')
  expect(nodes).not.toContain('Seq Scan posts')
})

test('a search for a word that is everywhere reads the newest posts and no more', async () => {
  await searchRepository.search(planner.sql, { q: 'every', limit: 21 })
  const nodes = await planner.plan()
  expect(nodes).not.toContain('Seq Scan posts')
  expect(nodes).not.toContain('Bitmap Index Scan posts_search_idx')
})

test('a search at one author uses an index', async () => {
  await searchRepository.search(planner.sql, { q: 'every', authorId: known, limit: 21 })
  const nodes = await planner.plan()
  expect(nodes.some((node) => node.includes('posts_author_id_id_idx'))).toBe(true)
  expect(nodes).not.toContain('Seq Scan posts')
})

test('changing, deleting and creating scan no table', async () => {
  const named: Array<() => Promise<unknown>> = [
    () => postRepository.update(planner.sql, { id, userId: author, versions: [1] }, { title: 'a', now: new Date() }),
    () => postRepository.delete(planner.sql, { id, userId: author, versions: null }, { anyAuthor: false }),
    () => {
      const post = {
        id: anybody(),
        authorId: author,
        title: 'a',
        content: 'b',
        version: 1,
        createdAt: new Date().toISOString(),
        updatedAt: new Date().toISOString()
      }
      const event = outboxRow(postCreated, { data: { postId: post.id, ...post }, aggregateVersion: 1 })
      return creationRepository.create(planner.sql, post, event, {
        key: 'a',
        fingerprint: new Uint8Array(32),
        expired: new Date()
      })
    }
  ]
  // Of the table of deleted authors, which is empty here, a scan is the cheapest read.
  const scans = (nodes: string[]) =>
    nodes.filter((node) => node.startsWith('Seq Scan') && node !== 'Seq Scan deleted_authors')
  for (const run of named) {
    await run()
    expect((await planner.plans()).flatMap(scans)).toEqual([])
  }
  await postRepository.deleteSome(planner.sql, { authorId: known, limit: 100 })
  expect(scans(await planner.plan())).toEqual([])
})
