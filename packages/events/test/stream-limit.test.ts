import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { provision, streamSettingsFrom } from '../src/provision.ts'
import { appendVersions, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

test('events wait while the stream is as large as it may be, and go on in order once it may be larger', async () => {
  const servers = stage.nats.urlOf('provisioner')
  await provision({ servers, maxBytes: 10_000 })
  const relay = stage.relay(stage.broker())
  const posts = Array.from({ length: 5 }, () => uuidv7())
  for (const post of posts) await appendVersions(stage.pool, post, 1, 10)
  await eventually(
    () => stage.pool.query('SELECT FROM outbox WHERE stream_sequence IS NULL AND last_error IS NOT NULL')
      .then(({ rowCount }) => rowCount || relay.status().oldestUnpublishedSeconds > 1),
    Boolean
  )
  expect([await stage.unpublished() > 0, relay.status().quarantined]).toEqual([true, 0])
  expect((await provision({ servers, maxBytes: 10_000_000 })).changes)
    .toEqual(['stream EVENTS: max_bytes: 10000 → 10000000'])
  await eventually(stage.unpublished, (count) => count === 0)
  for (const post of posts) {
    const versions = (await stage.stream()).filter(({ aggregate }) => aggregate === post).map(({ version }) => version)
    expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  }
  await expect(provision({ servers })).rejects.toThrow(/max_bytes is 10000000, which drops or refuses events/)
})

test.each(['1 GB', '-1', '1024', '1e9'])('EVENTS_MAX_BYTES=%j is refused', (text) => {
  expect(() => streamSettingsFrom({ EVENTS_MAX_BYTES: text })).toThrow(/^EVENTS_MAX_BYTES is .*: it needs/)
})
