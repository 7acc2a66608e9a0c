import { randomUUIDv7 } from 'node:crypto'
import type { Stage } from './stage.ts'

const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const COLUMNS = 'id, author_id, title, content, version, created_at, updated_at'
const INSERT_POST = `INSERT INTO posts (${COLUMNS}) VALUES ($1, $2, $3, $4, 1, now(), now())`
const INSERT_EVENT =
  'INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload) VALUES ($1, $2, 1, $3, $4)'
const INSERT_CHANGE =
  'INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload) VALUES ($1, $2, $3, $4, $5)'
const INSERT_BOTH =
  `WITH post AS (${INSERT_POST})
  INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload) VALUES ($5, $1, 1, $6, $7)`
const LOCK_AND_CHANGE = `WITH target AS MATERIALIZED (SELECT id, version FROM posts WHERE id = $1 FOR UPDATE)
  UPDATE posts SET title = $2, version = target.version + 1, updated_at = now()
  FROM target WHERE posts.id = target.id RETURNING posts.version`
const TITLE = 'A title of some length'
export const CONTENT = 'Lorem ipsum dolor sit amet, '.repeat(8)
/** As long as the event of such a post; nothing publishes it, since the relay would share what is measured. */
const PAYLOAD = 'x'.repeat(700)
const SUBJECT = 'floor'

const named = (name: string, text: string, values: unknown[]) => ({ name, text, values })

/** The bare statements, by pg, each text parsed and planned once per connection. */
export function floors ({ pools: { posts, feed } }: Stage, ids: string[], own: string[]) {
  let turn = 0
  return {
    async createInTransaction () {
      const client = await posts.connect()
      const id = randomUUIDv7()
      await client.query('BEGIN')
      await client.query(named('post', INSERT_POST, [id, id, TITLE, CONTENT]))
      await client.query(named('event', INSERT_EVENT, [id, id, SUBJECT, PAYLOAD]))
      await client.query('COMMIT')
      client.release()
    },
    async create () {
      const id = randomUUIDv7()
      await posts.query(named('both', INSERT_BOTH, [id, id, TITLE, CONTENT, id, SUBJECT, PAYLOAD]))
    },
    async change () {
      const client = await posts.connect()
      const id = own[turn++ % own.length]!
      await client.query('BEGIN')
      const { rows: [row] } = await client.query<
        { version: number }
      >(named('change', LOCK_AND_CHANGE, [id, `${TITLE} ${turn}`]))
      await client.query(named('changed', INSERT_CHANGE, [randomUUIDv7(), id, row!.version, SUBJECT, PAYLOAD]))
      await client.query('COMMIT')
      client.release()
    },
    find: () => posts.query(named('find', `SELECT ${COLUMNS} FROM posts WHERE id = $1`, [ids[turn++ % ids.length]])),
    list: () =>
      posts.query(named('list', `SELECT ${COLUMNS} FROM posts WHERE id < $1 ORDER BY id DESC LIMIT 21`, [HIGHEST])),
    feed: () =>
      feed
        .query(named(
          'feed',
          `SELECT e.id, e.title, e.content, e.created_at, e.author_id, a.display_name
      FROM entries e JOIN authors a ON a.id = e.author_id
      WHERE e.id < $1 AND a.display_name IS NOT NULL ORDER BY e.id DESC LIMIT 21`,
          [HIGHEST]
        ))
  }
}

/** Runs `inFlight` at once for `seconds`; resolves with the rate per second. */
export async function rateOf (
  work: () => Promise<unknown>,
  { connections, seconds }: { connections: number, seconds: number }
) {
  const begun = performance.now()
  const end = begun + seconds * 1_000
  let count = 0
  await Promise.all(Array.from({ length: connections }, async () => {
    for (; performance.now() < end; count++) await work()
  }))
  return 1_000 * count / (performance.now() - begun)
}
