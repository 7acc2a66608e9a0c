import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { mountSmallDisk, type SmallDisk } from '@gatepost/testing/small-disk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { post, startFeed, user } from './support/feed-server.ts'

const EVENTS = 40
let disk: SmallDisk | undefined
let feed: Awaited<ReturnType<typeof startFeed>> | undefined
beforeAll(async () => {
  disk = await mountSmallDisk(24)
  if (disk) feed = await startFeed({ tablespace: disk.tablespace })
})
afterAll(async () => {
  await feed?.stop()
  await disk?.stop()
})

/** Longer than any delay between the first deliveries of an event that fails. */
const OUTAGE_MS = 4_500

test('events that meet a full disk are applied within seconds of room, and are no dead letters', async (context) => {
  if (!disk || !feed) return context.skip()
  const author = user(feed.auth)
  await author.register()
  await post(feed.posts, author.userId).create()
  await expect.poll(() => feed!.items()).toHaveLength(1)
  await disk.fill()
  const entries = Array.from({ length: EVENTS }, () => post(feed!.posts, author.userId))
  // Random text, which PostgreSQL cannot compress: a few entries need new pages.
  for (const entry of entries) {
    await entry.create()
    await entry.change({ title: 'Changed', content: randomBytes(15_000).toString('base64') })
  }
  await sleep(OUTAGE_MS)
  expect((await feed.items()).filter(({ title }) => title === 'Changed').length).toBeLessThan(EVENTS)
  await disk.free()
  await expect.poll(async () => (await feed!.items()).filter(({ title }) => title === 'Changed').length, {
    timeout: 7_000
  }).toBe(EVENTS)
})
