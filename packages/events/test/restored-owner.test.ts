import { postCreated, postUpdated } from '@gatepost/contracts/posts/events'
import { consumers } from '@gatepost/contracts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { indexStream } from '../src/audit.ts'
import { handlerOf } from '../src/consumer.ts'
import { consumersCheck } from '../src/consumers-check.ts'
import { beginRebuild, finishRebuild, type RebuildOptions } from '../src/rebuild.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import type { Tx } from './support/effects.ts'
import { appendVersion, eventually, sqlOf } from './support/stage.ts'

const definition = consumers['feed-posts']!
let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

async function entries () {
  const { rows } = await stage.feed.query<{ title: string }>('SELECT title FROM entries ORDER BY title')
  return rows.map(({ title }) => title)
}

/** As the feed: the last event of a post says what it is. */
function consume () {
  const write = (id: string, title: string, tx: Tx) => tx.query(
    `INSERT INTO entries (id, author_id, title, content, created_at) VALUES ($1, $1, $2, '', now())
     ON CONFLICT (id) DO UPDATE SET title = excluded.title`,
    [id, title]
  )
  return stage.consume({
    handlers: {
      [postCreated.type]: handlerOf(postCreated, async ({ data }, tx: Tx) => {
        await write(data.postId, data.title, tx)
      }),
      [postUpdated.type]: handlerOf(postUpdated, async ({ data }, tx: Tx) => {
        await write(data.postId, data.title, tx)
      })
    }
  })
}

/** More than clocks differ by. */
const LATER_MS = 120_000

/**
 * A post that goes to version 3; then its owner is restored at version 1 and goes on: the stream has two lines of it.
 */
async function setScene () {
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

test('an event with the version of one that its owner has forgotten is applied in its place, and named', async () => {
  const { events, restored } = await setScene()
  const consumer = consume()
  const check = consumersCheck([consumer])
  for (const event of events) await stage.publish(event)
  await eventually(entries, (titles) => titles[0] === 'version 3')
  await stage.publish(restored)
  await eventually(entries, (titles) => titles[0] === 'after the restore')
  await eventually(
    () => check.check(),
    ({ detail }) => detail?.includes('1 events of feed-posts have versions that others had before') === true
  )
  const lines = stage.said('an event has the version of an earlier one, and is applied in its place')
  expect(lines).toMatchObject([{ eventId: restored.id }])
  const index = await indexStream(stage.operator)
  expect(index).toMatchObject({ collisions: 1, findings: [] })
  expect(index.aggregates.get(restored.subject)).toMatchObject({ version: 2, lastId: restored.id })
})

test('what comes again is no collision, whatever line it is of', async () => {
  const { events, restored } = await setScene()
  consume()
  for (const event of [...events, restored]) await stage.publish(event)
  await eventually(entries, (titles) => titles[0] === 'after the restore')
  for (const event of [events[1]!, restored]) await stage.publish(event)
  await stage.settled()
  expect(await entries()).toEqual(['after the restore'])
  expect((await stage.feed.query('SELECT version FROM inbox_collisions')).rows).toEqual([{ version: 2 }])
})

test('a rebuild ends as the events say: damage mended, foreign rows gone, no collision left', async () => {
  const { events, restored } = await setScene()
  const other = await appendVersion(stage.sql, uuidv7(), 1)
  consume()
  for (const event of [...events, restored, other]) await stage.publish(event)
  await stage.settled()
  await stage.feed.query("UPDATE entries SET title = 'damaged'")
  await stage.feed.query(
    "INSERT INTO entries (id, author_id, title, content, created_at) VALUES ($1, $1, 'foreign', '', now())",
    [uuidv7()]
  )
  const rebuilding: RebuildOptions = { definition, transaction: (work) => stage.transaction((_tx, sql) => work(sql)) }
  await beginRebuild(stage.operator, rebuilding)
  await stage.settled()
  expect(await finishRebuild(rebuilding)).toBe(1)
  expect(await entries()).toEqual(['after the restore', 'version 1'])
  expect((await sqlOf(stage.feed).query('SELECT FROM inbox_collisions')).length).toBe(0)
})
