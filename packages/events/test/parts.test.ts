import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { auditOutbox, type Finding, indexStream } from '../src/audit.ts'
import { partsOf } from '../src/parts.ts'
import { resync } from '../src/resync.ts'
import { appendVersions, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

test('a long stream is compared in parts, of which none is left out and none holds all ids', async () => {
  const relay = stage.relay(stage.broker())
  const posts = Array.from({ length: 16 }, () => uuidv7())
  await Promise.all(posts.map((post) => appendVersions(stage.pool, post, 1, 2)))
  await eventually(async () =>
    (await stage.pool.query('SELECT FROM outbox WHERE stream_sequence IS NULL')).rowCount === 0
  )
  await relay.stop()
  const operator = await stage.connectOperator()
  await stage.pool.query('UPDATE outbox SET stream_sequence = stream_sequence + 100 WHERE stream_sequence = 4')
  for (const sequence of [7, 12]) await operator.jsm.streams.deleteMessage('EVENTS', sequence)

  expect(await resync(operator, stage.sql, { dryRun: true, eventsAtOnce: 10 })).toEqual({
    compared: 32,
    moved: 1,
    missing: 2
  })
  const parts = await partsOf(operator, 10)
  const findings: Finding[] = []
  const sizes = []
  for (const part of parts) {
    const index = await indexStream(operator, { part })
    await auditOutbox('posts', stage.sql, index, findings, part)
    sizes.push(index.sequences.size)
  }
  expect(parts).toHaveLength(3)
  expect(Math.max(...sizes)).toBeLessThan(30)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(30)
  expect(findings.map(({ problem }) => problem.replace(/^published as \d+ and /, '').split(';')[0])).toEqual([
    'not in the stream',
    'not in the stream'
  ])
})
