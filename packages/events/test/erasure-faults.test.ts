import { uuidv7 } from '@gatepost/service-kit/uuid'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, test } from 'vitest'
import { provision } from '../src/provision.ts'
import { type ErasureStage, MARK, setErasureStage } from './support/erasure-stage.ts'
import { appendDeletion, appendVersion, eventually } from './support/stage.ts'

let stage: ErasureStage
beforeEach(async () => { stage = await setErasureStage() })
afterEach(() => stage.close())

test('a post that is deleted while NATS is away is erased afterwards, and its age is shown meanwhile', async () => {
  const registry = new Registry()
  stage.startRelay({ registry })
  const post = await stage.writePost()
  await stage.nats.halt()
  await appendDeletion(stage.sql, post, 4)
  const oldest = async () =>
    (await registry.getSingleMetric('gatepost_erasures_oldest_seconds')!.get()).values[0]!.value
  await eventually(oldest, (seconds) => seconds > 0)
  await stage.nats.start()
  await stage.gone()
  await eventually(oldest, (seconds) => seconds === 0)
})

test('a refused event of a deleted post no longer keeps its end waiting', async () => {
  const post = uuidv7()
  await appendVersion(stage.sql, post, 1, MARK)
  await stage.pool.query("UPDATE outbox SET payload = rpad(payload, 1200000, ' ')")
  const started = stage.startRelay()
  await eventually(() => started.status().quarantined, (count) => count === 1)
  await appendDeletion(stage.sql, post, 2)
  await stage.gone()
  await eventually(() => stage.versionsOf(post), (versions) => versions.join() === '2')
})

test('a failed erasure is tried again, later each time', async () => {
  stage.startRelay()
  const post = await stage.writePost()
  const jsm = await stage.jetStream()
  await jsm.streams.delete('DEAD_LETTERS')
  await appendDeletion(stage.sql, post, 4)
  const attempts = async () =>
    (await stage.pool.query('SELECT attempts, extract(epoch FROM due_at - now())::float8 AS delay FROM erasures'))
      .rows[0]
  await eventually(attempts, (row) => row.attempts === 2 && row.delay > 1)
  await provision({ servers: stage.nats.urlOf('provisioner') })
  await stage.erased()
  await stage.gone()
})
