import { setTimeout as sleep } from 'node:timers/promises'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDrain } from '../src/relay/drain.ts'
import { createRelayMetrics } from '../src/relay/metrics.ts'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import { createPublisher } from '../src/relay/publisher.ts'
import { reconcile } from '../src/relay/reconciliation.ts'
import { appendVersion, appendVersions, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

test('a row that waits for long has none of the stream read when nothing came since', async () => {
  const relay = stage.relay(stage.broker())
  await appendVersions(stage.pool, uuidv7(), 1, 50)
  relay.wake()
  await eventually(async () =>
    (await stage.pool.query('SELECT FROM outbox WHERE stream_sequence IS NULL')).rowCount === 0
  )
  await relay.stop()
  await stage.pool.query("UPDATE outbox SET published_at = now() - interval '1 day'")
  await appendVersion(stage.sql, uuidv7(), 1)
  await stage.pool.query("UPDATE outbox SET created_at = now() - interval '1 hour' WHERE stream_sequence IS NULL")
  const broker = stage.broker()
  const connection = await broker.connected()
  const before = connection.stats().inMsgs
  await reconcile(createOutboxStore(stage.pool), broker, 'posts')
  // The answers of the server's API, and none of the fifty events.
  expect(connection.stats().inMsgs - before).toBeLessThan(30)
})

test('no later version overtakes a refused event whose quarantine is not stored yet', async () => {
  const broker = stage.broker()
  await broker.connected()
  const store = createOutboxStore(stage.pool)
  const { promise: stored, resolve: finish } = Promise.withResolvers<void>()
  let quarantines = 0
  let looks = 0
  const slow: typeof store = {
    ...store,
    async claim (from) {
      looks++
      return store.claim(from)
    },
    async fail (row, error, quarantine) {
      if (quarantine) {
        quarantines++
        await stored
      }
      await store.fail(row, error, quarantine)
    }
  }
  const post = uuidv7()
  const refused = await appendVersion(stage.sql, post, 1)
  await stage.pool.query("UPDATE outbox SET payload = rpad(payload, 1200000, ' ') WHERE event_id = $1", [refused!.id])
  const publisher = stage.defer(createPublisher(broker, 'posts'), (created) => created.stop())
  const drain = stage.defer(
    createDrain({
      store: slow,
      publisher,
      broker,
      log: stage.log,
      metrics: createRelayMetrics(undefined),
      held: () => true,
      reconcile: async () => {}
    }),
    (created) => created.stop()
  )
  drain.start()
  await eventually(() => quarantines === 1)
  await appendVersion(stage.sql, post, 2)
  drain.begin() // a new term reads the table, where the quarantine is not yet
  const now = looks
  await eventually(() => looks > now + 2)
  await sleep(200) // time enough to publish
  expect(await stage.stream()).toEqual([])
  finish()
})
