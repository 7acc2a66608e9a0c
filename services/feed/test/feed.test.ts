import { postCreated, postDeleted, postUpdated } from '@gatepost/contracts/posts/events'
import { outboxRow } from '@gatepost/events/outbox'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FeedUnderTest, post, startFeed, user } from './support/feed-server.ts'

let feed: FeedUnderTest
beforeAll(async () => {
  feed = await startFeed()
})
afterAll(() => feed?.stop())

const entryOf = async (postId: string) => (await feed.items()).find(({ id }) => id === postId)

test('a post appears with its author’s name, follows changes of both, and disappears when deleted', async () => {
  const author = user(feed.auth, '  Ana Ávila 👋')
  const written = post(feed.posts, author.userId, ' 你好 ')
  await author.register()
  await written.create()
  await eventually(async () => {
    expect(await entryOf(written.postId)).toEqual({
      id: written.postId,
      title: ' 你好 ',
      content: 'Some content',
      createdAt: expect.any(String),
      author: { id: author.userId, displayName: '  Ana Ávila 👋' }
    })
  })
  await written.change({ title: 'Changed', content: '\n' })
  await author.rename('Ana B.')
  await eventually(async () => {
    expect(await entryOf(written.postId)).toMatchObject({
      title: 'Changed',
      content: '\n',
      author: { displayName: 'Ana B.' }
    })
  })
  await written.delete()
  await eventually(async () => {
    expect(await entryOf(written.postId)).toBeUndefined()
  })
})

test('a post whose author is not known yet is kept, and shown as it is by then once the author is known', async () => {
  const author = user(feed.auth, 'Late')
  const written = post(feed.posts, author.userId)
  await written.create()
  await written.change({ title: 'Second', content: 'version' })
  await eventually(async () => {
    expect((await feed.sql.query('SELECT title FROM entries WHERE id = $1', [written.postId])).rows).toEqual([{
      title: 'Second'
    }])
  })
  expect(await entryOf(written.postId)).toBeUndefined()
  await author.register()
  await eventually(async () => {
    expect(await entryOf(written.postId)).toMatchObject({ title: 'Second', author: { displayName: 'Late' } })
  })
})

test('events that come again, also after the broker has forgotten them, are applied once', async () => {
  const author = user(feed.auth)
  await author.register()
  const postId = uuidv7()
  const data = { postId, authorId: author.userId, title: 'first', content: 'c' }
  const rows = [
    outboxRow(postCreated, { data: { ...data, createdAt: new Date().toISOString() }, aggregateVersion: 1 }),
    outboxRow(postUpdated, {
      data: { ...data, title: 'second', updatedAt: new Date().toISOString() },
      aggregateVersion: 2
    })
  ]
  for (const row of rows) await feed.posts.publishRow(row)
  await eventually(async () => {
    expect(await entryOf(postId)).toMatchObject({ title: 'second' })
  })
  await feed.posts.publishRow(rows[0]!, uuidv7())
  const marker = post(feed.posts, author.userId)
  await marker.create()
  await eventually(async () => {
    expect(await entryOf(marker.postId)).toBeDefined()
  })
  expect(await entryOf(postId)).toMatchObject({ title: 'second' })

  const deleted = outboxRow(postDeleted, { data: { postId, authorId: author.userId }, aggregateVersion: 3 })
  await feed.posts.publishRow(deleted)
  await eventually(async () => {
    expect(await entryOf(postId)).toBeUndefined()
  })
  for (const row of [...rows, deleted]) await feed.posts.publishRow(row, uuidv7())
  const last = post(feed.posts, author.userId)
  await last.create()
  await eventually(async () => {
    expect(await entryOf(last.postId)).toBeDefined()
  })
  expect(await entryOf(postId)).toBeUndefined()
})

test('an author who leaves is forgotten with all entries; what comes late brings nothing back', async () => {
  const [author, other] = [user(feed.auth, 'Leaver'), user(feed.auth, 'Stayer')]
  await author.register()
  await other.register()
  const mine = Array.from({ length: 5 }, () => post(feed.posts, author.userId))
  const others = post(feed.posts, other.userId)
  for (const each of [...mine, others]) await each.create()
  await eventually(async () => {
    expect(await entryOf(mine[4]!.postId)).toBeDefined()
  })
  await author.leave()
  await eventually(async () => {
    expect((await feed.sql.query('SELECT FROM entries WHERE author_id = $1', [author.userId])).rowCount).toBe(0)
  })
  expect((await feed.sql.query('SELECT display_name, deleted_at IS NOT NULL AS gone FROM authors WHERE id = $1', [
    author.userId
  ])).rows).toEqual([{ display_name: null, gone: true }])

  const late = post(feed.posts, author.userId, 'late')
  await late.create()
  await late.change({ title: 'later', content: 'still' })
  await mine[0]!.change({ title: 'zombie', content: 'z' })
  const after = post(feed.posts, other.userId)
  await after.create()
  await eventually(async () => {
    expect(await entryOf(after.postId)).toBeDefined()
  })
  await eventually(async () => {
    const { rows } = await feed.sql.query(
      "SELECT version FROM inbox WHERE consumer = 'feed-posts' AND aggregate_id = ANY ($1) ORDER BY version",
      [[late.postId, mine[0]!.postId]]
    )
    expect(rows).toEqual([{ version: 2 }, { version: 2 }])
  })
  expect((await feed.sql.query('SELECT FROM entries WHERE author_id = $1', [author.userId])).rowCount).toBe(0)
  expect(await entryOf(others.postId)).toBeDefined()
})

test('an author who left before anything else was heard of stays unknown', async () => {
  const author = user(feed.auth, 'Ghost')
  const written = post(feed.posts, author.userId)
  await written.create()
  await eventually(async () => {
    expect((await feed.sql.query('SELECT FROM entries WHERE id = $1', [written.postId])).rowCount).toBe(1)
  })
  await author.leave()
  await eventually(async () => {
    expect((await feed.sql.query('SELECT FROM entries WHERE id = $1', [written.postId])).rowCount).toBe(0)
  })
  expect(await entryOf(written.postId)).toBeUndefined()
})

test('what happened while the process was away is caught up with', async () => {
  const author = user(feed.auth, 'Away')
  await author.register()
  const before = post(feed.posts, author.userId)
  await before.create()
  await eventually(async () => {
    expect(await entryOf(before.postId)).toBeDefined()
  })
  await feed.app.close()
  const after = post(feed.posts, author.userId)
  await after.create()
  await before.delete()
  await feed.restart()
  await eventually(async () => {
    expect(await entryOf(after.postId)).toBeDefined()
    expect(await entryOf(before.postId)).toBeUndefined()
  })
})
