import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { provision } from '../src/provision.ts'
import { createDrain } from '../src/relay/drain.ts'
import { createRelayMetrics } from '../src/relay/metrics.ts'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import { createPublisher } from '../src/relay/publisher.ts'
import { listenForRows } from '../src/relay/listener.ts'
import { appendVersion, appendVersions, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

/** A relay in a process of its own, which can be killed and frozen. */
async function startRelayProcess () {
  const child = spawn(process.execPath, [fileURLToPath(new URL('support/relay-process.ts', import.meta.url))], {
    env: { ...process.env, DATABASE_URL: stage.database.url, NATS_URL: stage.nats.urlOf('posts') },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  stage.defer(child, () => { child.kill('SIGKILL') })
  let output = ''
  child.stdout.on('data', (chunk) => { output += chunk })
  return { child, says: (text: string) => output.includes(text) }
}

/** A relay whose connection can be made worse, and a post of which it published the first version. */
async function startBehindProxy () {
  const { relay, proxy } = await stage.relayBehindProxy()
  const post = uuidv7()
  await appendVersion(stage.sql, post, 1)
  await eventually(stage.unpublished, (count) => count === 0)
  return { relay, proxy, post }
}

/** In the stream: nothing twice, and every aggregate's versions in their order. */
function inOrder (stream: Awaited<ReturnType<Stage['stream']>>) {
  expect(new Set(stream.map((message) => message.id)).size).toBe(stream.length)
  const versions = new Map<string, number>()
  for (const { aggregate, version } of stream) {
    expect(version).toBe((versions.get(aggregate) ?? 0) + 1)
    versions.set(aggregate, version)
  }
}

test('a leader that is killed in the middle is succeeded within two seconds; nothing is lost, doubled or reordered', {
  retry: 2
}, async () => {
  const first = await startRelayProcess()
  await eventually(() => first.says('this relay leads'))
  const relay = stage.relay(stage.broker())
  const posts = Array.from({ length: 40 }, () => uuidv7())
  await Promise.all(posts.slice(0, 20).map((post) => appendVersions(stage.pool, post, 1, 10)))
  first.child.kill('SIGKILL')
  const killedAt = Date.now()
  const late = Promise.all(posts.slice(20).map((post) => appendVersions(stage.pool, post, 1, 10)))
  await eventually(() => relay.status().leader)
  expect(Date.now() - killedAt).toBeLessThan(2_000)
  await late
  await eventually(stage.unpublished, (count) => count === 0)
  const stream = await stage.stream()
  expect(stream).toHaveLength(400)
  inOrder(stream)
})

test('a leader that was frozen, and wakes when another leads, neither doubles nor reorders', { retry: 2 }, async () => {
  const first = await startRelayProcess()
  await eventually(() => first.says('this relay leads'))
  const relay = stage.relay(stage.broker())
  const posts = Array.from({ length: 20 }, () => uuidv7())
  const writing = Promise.all(posts.map((post) => appendVersions(stage.pool, post, 1, 30)))
  await eventually(() => stage.stream(), (stream) => stream.length > 20)
  first.child.kill('SIGSTOP')
  const frozenAt = Date.now()
  await eventually(() => relay.status().leader)
  expect(Date.now() - frozenAt).toBeLessThan(2_000)
  await writing
  first.child.kill('SIGCONT')
  await Promise.all(posts.map((post) => appendVersions(stage.pool, post, 31, 40)))
  await eventually(stage.unpublished, (count) => count === 0)
  await eventually(() => first.says('this relay no longer leads'))
  const stream = await stage.stream()
  expect(stream).toHaveLength(800)
  inOrder(stream)
})

test('a leader that could not publish, and leads no more when it could, publishes nothing', async () => {
  const broker = stage.broker()
  const store = createOutboxStore(stage.pool)
  const publisher = stage.defer(createPublisher(broker, 'posts'), (created) => created.stop())
  let leads = true
  const drain = stage.defer(
    createDrain({
      store,
      publisher,
      broker,
      log: stage.log,
      metrics: createRelayMetrics(undefined),
      held: () => leads,
      reconcile: async () => {}
    }),
    (created) => created.stop()
  )
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  await jsm.streams.delete('EVENTS')
  await appendVersion(stage.sql, uuidv7(), 1)
  await broker.connected()
  drain.start()
  await eventually(() =>
    stage.lines.some((line) => line.msg === 'publishing is interrupted; events wait in the outbox')
  )
  leads = false
  await provision({ servers: stage.nats.urlOf('provisioner') })
  await setTimeout(1_200) // longer than it waits between two attempts
  expect(await stage.stream()).toEqual([])
})

test('an event that was lost with the connection is published again before any later version', async () => {
  const { relay, proxy, post } = await startBehindProxy()
  proxy.swallow()
  await appendVersions(stage.pool, post, 2, 5)
  relay.wake()
  await eventually(() => relay.status().inFlight === 1)
  proxy.cut()
  await eventually(stage.unpublished, (count) => count === 0)
  expect((await stage.stream()).map((message) => message.version)).toEqual([1, 2, 3, 4, 5])
})

test('without an acknowledgement an event is sent again under its id; no later version overtakes', async () => {
  const { relay, proxy, post } = await startBehindProxy()
  proxy.withhold()
  await appendVersions(stage.pool, post, 2, 5)
  relay.wake()
  await eventually(() => stage.stream(), (stream) => stream.length === 2)
  proxy.cut()
  await eventually(stage.unpublished, (count) => count === 0)
  const stream = await stage.stream()
  expect(stream.map((message) => message.version)).toEqual([1, 2, 3, 4, 5])
  inOrder(stream)
})

test('an event that the stream refuses is quarantined; its aggregate waits, the others go on', async () => {
  const [poisoned, healthy] = [uuidv7(), uuidv7()]
  const event = await appendVersion(stage.sql, poisoned, 1)
  await stage.pool.query("UPDATE outbox SET payload = rpad(payload, 1200000, ' ') WHERE event_id = $1", [event.id])
  await appendVersion(stage.sql, poisoned, 2)
  await appendVersions(stage.pool, healthy, 1, 3)
  const relay = stage.relay(stage.broker())
  await eventually(() => relay.status().quarantined, (count) => count === 1)
  await eventually(stage.unpublished, (count) => count === 2)
  expect((await stage.stream()).map((message) => message.aggregate)).toEqual([healthy, healthy, healthy])
  const { rows: [row] } = await stage.pool.query(
    'SELECT attempts, last_error, quarantined_at FROM outbox WHERE event_id = $1',
    [event.id]
  )
  expect(row).toMatchObject({ attempts: 3, last_error: expect.stringContaining('max_payload') })
})

test('a database that restarts is found again', { retry: 2 }, async () => {
  const relay = stage.relay(stage.broker())
  await eventually(() => relay.status().leader)
  await stage.pool
    .query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user`)
  await appendVersions(stage.pool, uuidv7(), 1, 5)
  await eventually(stage.unpublished, (count) => count === 0, 3_000)
})

test('a listener stops also while it connects', async () => {
  const silent = stage.defer(createServer().listen(0, '127.0.0.1'), (server) => server.close())
  await once(silent, 'listening')
  const listener = listenForRows(
    `postgresql://posts:secret@127.0.0.1:${(silent.address() as AddressInfo).port}/posts`,
    () => {}
  )
  const [socket] = await once(silent, 'connection')
  socket.resume()
  await listener.stop()
})
