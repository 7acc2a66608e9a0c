import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { consumers } from '@gatepost/contracts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { headers } from '@nats-io/nats-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { rebuild } from '../src/rebuild.ts'
import type { RebuildOptions } from '../src/rebuild/options.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { consumeEntries, entriesModel, entriesModelWith, restorePost, titlesOf } from './support/entries.ts'
import { appendDeletion, appendVersion, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

/** The owner's versions, by its outbox. */
async function versionsOf (ids: string[]) {
  const { rows } = await stage.pool.query<{ id: string, version: number }>(
    `SELECT aggregate_id::text AS id, max(aggregate_version) AS version FROM outbox
     WHERE aggregate_id = ANY ($1::uuid[]) GROUP BY 1`,
    [ids]
  )
  return new Map(rows.map(({ id, version }) => [id, version]))
}

async function rebuildEntries (more: Partial<RebuildOptions> = {}) {
  const client = await stage.feed.connect()
  const definition = consumers['feed-posts']!
  return rebuild(stage.operator, { definition, readModel: entriesModel, client, versionsOf, ...more })
    .finally(() => client.release(true))
}

/** Posts with one event each, applied by the living consumer. */
async function publishPosts (count: number) {
  const posts = Array.from({ length: count }, () => uuidv7())
  for (const post of posts) await stage.publish(await appendVersion(stage.sql, post, 1))
  await stage.settled()
  return posts
}

const addForeignEntry = () => stage.feed.query(
  "INSERT INTO entries (id, author_id, title, content, created_at) VALUES ($1, $1, 'foreign', '', now())",
  [uuidv7()]
)

test('a rebuild ends as the events and their owner say, and no collision is left', async () => {
  const { events, restored } = await restorePost(stage)
  const forgotten = await appendVersion(stage.sql, uuidv7(), 1)
  await stage.pool.query('DELETE FROM outbox WHERE aggregate_id = $1', [forgotten.subject])
  consumeEntries(stage)
  for (const event of [...events, restored, forgotten]) await stage.publish(event)
  await publishPosts(1)
  await stage.feed.query("UPDATE entries SET title = 'damaged' WHERE title = 'version 1' AND id <> $1", [
    forgotten.subject
  ])
  await addForeignEntry()
  expect(await rebuildEntries()).toMatchObject({ events: 6, rejected: 0, removed: 2, ahead: 0 })
  expect(await titlesOf(stage)).toEqual(['after the restore', 'version 1'])
  expect((await stage.feed.query('SELECT FROM inbox_collisions')).rowCount).toBe(0)
})

test('readers see the old read model until the new one is in place, with the events of the meantime', async () => {
  consumeEntries(stage)
  await publishPosts(20)
  await stage.feed.query("UPDATE entries SET title = 'damaged'")
  await addForeignEntry()
  // A time between the statements of the swap, in which a reader could see the first without the second.
  await stage.asFeedOwner(`CREATE FUNCTION wait () RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
    CREATE TRIGGER wait BEFORE INSERT ON entries EXECUTE FUNCTION wait()`)
  const seen = new Set<string>()
  const over = new AbortController()
  const reader = (async () => { while (!over.signal.aborted) seen.add(String(await titlesOf(stage))) })()
  let applied = 0
  await rebuildEntries({
    readModel: entriesModelWith(async (_event, apply) => {
      await apply()
      if (++applied === 10) await publishPosts(2) // the living consumer goes on
    })
  })
  const rebuilt = Array(22).fill('version 1').join()
  await eventually(() => seen.has(rebuilt))
  over.abort()
  await reader
  const old = [...Array(20).fill('damaged'), 'foreign'].join()
  expect([...seen].filter((titles) => !titles.startsWith(old))).toEqual([rebuilt])
})

test('an event that comes during the swap is applied after it', async () => {
  consumeEntries(stage)
  await publishPosts(2)
  let last: string | undefined
  const applied = async () => (await stage.feed.query('SELECT FROM public.entries')).rowCount === 4
  const waits = async () => (await stage.feed.query(`SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`)).rowCount
  await rebuildEntries({
    async versionsOf (ids) {
      last ??= (await publishPosts(1))[0] // the swap reads it
      return versionsOf(ids)
    },
    readModel: entriesModelWith(async (event, apply) => {
      await apply()
      if (event.subject !== last) return
      await stage.publish(await appendVersion(stage.sql, uuidv7(), 1))
      await eventually(async () => await applied() || await waits())
    })
  })
  await stage.settled()
  expect(await titlesOf(stage)).toHaveLength(4)
})

test('a killed rebuild leaves the living read model and nothing else; the next one begins cleanly', async () => {
  consumeEntries(stage)
  await publishPosts(5)
  await stage.feed.query("UPDATE entries SET title = 'damaged' WHERE id = (SELECT id FROM entries LIMIT 1)")
  const before = await titlesOf(stage)
  const child = spawn(process.execPath, [fileURLToPath(new URL('support/rebuild-process.ts', import.meta.url))], {
    env: { ...process.env, DATABASE_URL: stage.feedUrl, NATS_URL: stage.nats.urlOf('provisioner') },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  expect(await titlesOf(stage)).toEqual(before)
  const copies = () => stage.feed.query("SELECT FROM pg_class WHERE relpersistence = 't'")
  await eventually(async () => (await copies()).rowCount, (count) => count === 0)
  expect(await rebuildEntries()).toMatchObject({ events: 5, changed: 1 })
  expect(new Set(await titlesOf(stage))).toEqual(new Set(['version 1']))
})

test('an aggregate that ended and is half erased is no fault, one whose first event is lost is', async () => {
  const [ended, lost] = [uuidv7(), uuidv7()]
  for (const post of [ended, lost]) {
    await appendVersion(stage.sql, post, 1)
    await stage.publish(await appendVersion(stage.sql, post, 2))
  }
  await stage.publish(await appendDeletion(stage.sql, ended, 3))
  expect(await rebuildEntries()).toMatchObject({ events: 1, rejected: 1 })
})

test('an event that cannot be applied ends the rebuild without a change, unless it is a dead letter', async () => {
  consumeEntries(stage)
  await publishPosts(2)
  const [{ id } = { id: '' }] = (await stage.feed.query<{ id: string }>('SELECT id::text FROM entries')).rows
  const readModel = entriesModelWith(async (event, apply) => {
    if (event.subject === id) throw new Error('not this one')
    await apply()
  })
  await expect(rebuildEntries({ readModel })).rejects.toThrow(/so nothing is changed: Error: not this one/)
  expect(await titlesOf(stage)).toEqual(['version 1', 'version 1'])
  const head = headers()
  head.set('Gatepost-Consumer', 'feed-posts')
  for (const seq of [1, 2]) {
    const { data } = (await stage.operator.jsm.streams.getMessage('EVENTS', { seq }))!
    await stage.operator.js.publish(`dead-letters.feed-posts.${id}`, data, { headers: head })
  }
  expect(await rebuildEntries({ readModel })).toMatchObject({ events: 1, rejected: 1, removed: 1 })
})
