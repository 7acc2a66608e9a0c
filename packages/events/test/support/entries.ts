import type { CloudEvent } from '@gatepost/contracts/event'
import { postCreated, postUpdated } from '@gatepost/contracts/posts/events'
import { type Sql, sqlOfPool } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { type Handler, handlerOf } from '../../src/consumer.ts'
import type { ReadModel } from '../../src/rebuild.ts'
import type { ConsumerStage } from './consumer-stage.ts'
import type { Tx } from './effects.ts'
import { appendVersion } from './stage.ts'

const write = (id: string, title: string, sql: Sql) => sql.query(
  `INSERT INTO entries (id, author_id, title, content, created_at) VALUES ($1, $1, $2, '', to_timestamp(0))
   ON CONFLICT (id) DO UPDATE SET title = excluded.title`,
  [id, title]
)

/** As in the feed, the last event of a post decides its row. */
export const entriesModel: ReadModel = {
  table: 'entries',
  living: 'true',
  handlers: {
    [postCreated.type]: handlerOf(postCreated, async ({ data }, sql: Sql) => {
      await write(data.postId, data.title, sql)
    }),
    [postUpdated.type]: handlerOf(postUpdated, async ({ data }, sql: Sql) => {
      await write(data.postId, data.title, sql)
    })
  }
}

/** The model with something that happens around each event. */
export function entriesModelWith (around: (event: CloudEvent, apply: () => Promise<void>) => Promise<void>): ReadModel {
  const handlers = Object.entries(entriesModel.handlers).map(([type, handler]): [string, Handler<Sql>] =>
    [type, (event, sql) => around(event, () => handler(event, sql))])
  return { ...entriesModel, handlers: Object.fromEntries(handlers) }
}

/** Starts the living consumer of the model. */
export function consumeEntries (stage: ConsumerStage) {
  const handlers = Object.entries(entriesModel.handlers).map(([type, handler]): [string, Handler<Tx>] =>
    [type, (event, tx) => handler(event, sqlOfPool(tx))])
  return stage.consume({ handlers: Object.fromEntries(handlers) })
}

export async function titlesOf (stage: ConsumerStage) {
  const { rows } = await stage.feed.query<{ title: string }>('SELECT title FROM entries ORDER BY title')
  return rows.map(({ title }) => title)
}

/** More than clocks differ by. */
const LATER_MS = 120_000

/** A post goes to version 3, then its owner is restored at version 1 and goes on: the stream has two lines of it. */
export async function restorePost (stage: ConsumerStage) {
  const post = uuidv7()
  const events = []
  for (const version of [1, 2, 3]) events.push(await appendVersion(stage.sql, post, version))
  await stage.pool.query('DELETE FROM outbox WHERE aggregate_id = $1 AND aggregate_version > 1', [post])
  const later = await appendVersion(stage.sql, post, 2)
  const id = (parseInt(later.id.slice(0, 8) + later.id.slice(9, 13), 16) + LATER_MS).toString(16).padStart(12, '0')
  const restored = {
    ...later,
    id: `${id.slice(0, 8)}-${id.slice(8)}${later.id.slice(13)}`,
    data: { ...later.data as object, title: 'after the restore' }
  }
  return { post, events, restored }
}
