import type { CloudEvent } from '@gatepost/contracts/event'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { auditOutbox, auditRows, indexStream, type Finding } from '../src/audit.ts'
import { provision } from '../src/provision.ts'
import { resync } from '../src/resync.ts'
import { scan } from '../src/scan.ts'
import { appendDeletion, appendVersion, appendVersions, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

async function audit () {
  const index = await indexStream(await stage.connectOperator())
  const findings: Finding[] = [...index.findings]
  const waiting = await auditOutbox('posts', stage.sql, index, findings)
  return { index, waiting, findings }
}

test('after the loss of the whole stream every row of a long outbox is published again, in order', async () => {
  stage.relay(stage.broker())
  const posts = Array.from({ length: 30 }, () => uuidv7())
  await Promise.all(posts.map((post) => appendVersions(stage.pool, post, 1, 40)))
  await eventually(stage.unpublished, (count) => count === 0)
  expect((await audit()).findings).toEqual([])
  const { jsm } = await stage.connectOperator()
  await jsm.streams.delete('EVENTS')
  await provision({ servers: stage.nats.urlOf('provisioner') })
  expect((await audit()).findings).toHaveLength(1_200)
  expect(await resync(await stage.connectOperator(), stage.sql, { dryRun: true })).toEqual({
    compared: 1_200,
    moved: 0,
    missing: 1_200
  })
  expect((await audit()).findings).toHaveLength(1_200)
  await resync(await stage.connectOperator(), stage.sql)
  await eventually(stage.unpublished, (count) => count === 0, 20_000)
  const { findings, index } = await audit()
  expect([findings, index.sequences.size, index.repeated]).toEqual([[], 1_200, 0])
})

test('an event that stands elsewhere in the stream is noted anew and not published again', async () => {
  stage.relay(stage.broker())
  await appendVersions(stage.pool, uuidv7(), 1, 3)
  await eventually(stage.unpublished, (count) => count === 0)
  await stage.pool.query('UPDATE outbox SET stream_sequence = 77 WHERE aggregate_version = 2')
  expect(await resync(await stage.connectOperator(), stage.sql)).toEqual({ compared: 3, moved: 1, missing: 0 })
  expect((await stage.pool.query('SELECT stream_sequence::int AS sequence FROM outbox ORDER BY id')).rows.map((row) =>
    row.sequence
  )).toEqual([1, 2, 3])
})

test('an event published while resync reads is not published again, nor one that the stream has twice', async () => {
  const { jsm, js } = await stage.connectOperator()
  // whatever is published again from now on stands there twice
  await jsm.streams.update('EVENTS', { duplicate_window: 100 * 1e6 })
  stage.relay(stage.broker())
  await appendVersions(stage.pool, uuidv7(), 1, 2)
  await eventually(stage.unpublished, (count) => count === 0)
  const again = (await jsm.streams.getMessage('EVENTS', { seq: 2 }))!
  await eventually(
    () => js.publish(again.subject, again.data, { msgID: again.header.get('Nats-Msg-Id') }),
    ({ duplicate }) => !duplicate
  )
  let late = false
  const sql = {
    query: async <Row>(text: string, values?: readonly unknown[]) => {
      if (!late) {
        late = true
        await appendVersions(stage.pool, uuidv7(), 1, 3)
        await eventually(stage.unpublished, (count) => count === 0)
      }
      return stage.sql.query<Row>(text, values)
    }
  }
  expect(await resync(await stage.connectOperator(), sql)).toEqual({ compared: 5, moved: 0, missing: 0 })
  const { findings, index } = await audit()
  expect([findings, index.sequences.size, index.repeated]).toEqual([[], 5, 1])
})

test('a reading of the stream that is broken off is not taken for the whole', async () => {
  const { js } = await stage.connectOperator()
  await Promise.all(Array.from({ length: 1_500 }, () => js.publish('events.posts.post-created.v1', '{}')))
  const reader = await stage.connectOperator()
  let read = 0
  const reading = (async () => {
    for await (const message of scan(reader)) {
      read = message.seq
      if (read === 1) await reader.close()
    }
  })()
  await expect(reading).rejects.toThrow(/^stream EVENTS could not be read to its end|^closed connection/)
  expect(read).toBeLessThan(1_500)
})

test('the audit names gaps, rows without events, events without rows, and what is in quarantine', async () => {
  const relay = stage.relay(stage.broker())
  const [gap, ahead, missing] = [uuidv7(), uuidv7(), uuidv7()]
  for (const post of [gap, ahead, missing]) await appendVersions(stage.pool, post, 1, 3)
  await eventually(stage.unpublished, (count) => count === 0)
  const { jsm } = await stage.connectOperator()
  const { index: whole } = await audit()
  const { rows: [second] } = await stage.pool.query(
    'SELECT event_id FROM outbox WHERE aggregate_id = $1 AND aggregate_version = 2',
    [gap]
  )
  await jsm.streams.deleteMessage('EVENTS', whole.sequences.get(second.event_id)!)
  const quarantined = uuidv7()
  await relay.stop()
  await appendVersions(stage.pool, quarantined, 1, 1)
  await stage.pool.query("UPDATE outbox SET quarantined_at = now(), last_error = 'too large' WHERE aggregate_id = $1", [
    quarantined
  ])
  const { index, waiting, findings } = await audit()
  auditRows(
    { where: 'posts rows', owner: 'posts', aggregate: 'post' },
    [{ id: gap, version: 3 }, { id: ahead, version: 4 }],
    index,
    waiting,
    findings
  )
  expect(findings.map(({ where, id, problem }) => `${where} ${id} ${problem.split(' ').slice(0, 4).join(' ')}`).sort())
    .toEqual([
      `posts outbox ${
        (await stage.pool.query('SELECT event_id FROM outbox WHERE aggregate_id = $1', [quarantined])).rows[0].event_id
      } in quarantine: too large`,
      `posts outbox ${second.event_id} published as ${whole.sequences.get(second.event_id)} and`,
      `posts rows ${ahead} is at version 4,`,
      `posts rows ${missing} is at version 3`,
      `stream ${gap} version 3 stands at`
    ].sort())
})

test('the audit takes no erased event for a lost one, and names ended aggregates that are not erased', async () => {
  const [erased, kept] = [uuidv7(), uuidv7()]
  const { js, jsm } = await stage.connectOperator()
  const publish = (event: CloudEvent) => js.publish(`events.${event.type}`, JSON.stringify(event), { msgID: event.id })
  for (const post of [erased, kept]) {
    for (const version of [1, 2]) await publish(await appendVersion(stage.sql, post, version))
    const end = await appendDeletion(stage.sql, post, 3)
    await publish({ ...end, time: new Date(Date.now() - 120_000).toISOString() })
  }
  await stage.pool.query('UPDATE outbox SET stream_sequence = id, published_at = now()')
  for (const sequence of [1, 2]) await jsm.streams.deleteMessage('EVENTS', sequence)
  const { findings } = await audit()
  expect(findings).toEqual([{
    where: 'stream',
    id: kept,
    problem: expect.stringContaining('earlier events of it are not erased')
  }])
})

test('resync publishes nothing again that is being erased', async () => {
  const post = uuidv7()
  await appendVersions(stage.pool, post, 1, 2)
  await appendDeletion(stage.sql, post, 3)
  await stage.pool.query('UPDATE outbox SET stream_sequence = id, published_at = now()')
  const result = await resync(await stage.connectOperator(), stage.sql, { dryRun: true })
  expect(result).toEqual({ compared: 1, moved: 0, missing: 1 })
})
