import { consumers } from '@gatepost/contracts/events'
import { connectOperator } from '@gatepost/events/operator'
import { rebuild } from '@gatepost/events/rebuild'
import { eventually } from '@gatepost/testing/eventually'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readModels } from '../src/read-model.ts'
import { type FeedUnderTest, post, startFeed, user } from './support/feed-server.ts'

type Post = ReturnType<typeof post>

let feed: FeedUnderTest
beforeAll(async () => { feed = await startFeed() })
afterAll(() => feed.stop())

/** Authors and entries as they are kept, without the times of this database's own clock. */
async function kept () {
  const { rows: authors } = await feed.sql.query(
    'SELECT id, display_name, deleted_at IS NULL AS living FROM authors ORDER BY id'
  )
  const { rows: entries } = await feed.sql.query('SELECT * FROM entries ORDER BY id')
  return { authors, entries }
}

test('both read models are rebuilt from the stream by the handlers of the service, while it answers', async () => {
  const [ada, gone] = [user(feed.auth, 'Ada'), user(feed.auth, 'Gone')]
  const [changed, deleted, plain] = [1, 2, 3].map(() => post(feed.posts, ada.userId)) as [Post, Post, Post]
  for (const publish of [ada.register, gone.register, changed.create, deleted.create, plain.create]) await publish()
  await changed.change({ title: 'Changed', content: 'New' })
  await deleted.delete()
  await gone.leave()
  await eventually(async () => expect((await kept()).authors).toHaveLength(2))
  await eventually(async () => {
    expect((await feed.items()).map(({ title }) => title).sort()).toEqual(['A title', 'Changed'])
  })
  await eventually(async () => expect((await kept()).authors.filter(({ living }) => living)).toHaveLength(1))
  const before = await kept()
  await feed.sql.query("UPDATE entries SET title = 'damaged'; DELETE FROM entries WHERE title = 'Changed'")
  await feed.sql.query("UPDATE authors SET display_name = 'damaged' WHERE display_name IS NOT NULL")

  const operator = await connectOperator(feed.broker.urlOf('provisioner'))
  const pool = new pg.Pool({ connectionString: feed.database.url })
  for (const name of ['feed-users', 'feed-posts'] as const) {
    const client = await pool.connect()
    await rebuild(operator, {
      definition: consumers[name]!,
      readModel: readModels[name],
      client,
      versionsOf: async (ids) => new Map(ids.map((id) => [id, 1_000]))
    }).finally(() => client.release(true))
  }
  await pool.end()
  await operator.close()
  expect(await kept()).toEqual(before)
  expect((await feed.items()).map(({ author }) => author.displayName)).toEqual(['Ada', 'Ada'])
})
