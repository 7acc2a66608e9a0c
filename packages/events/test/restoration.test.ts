import { afterEach, beforeEach, expect, test } from 'vitest'
import { reconcileRestored } from '../src/restoration.ts'
import { copyStream, restoreStream, type StreamCopy } from '../src/stream-copy.ts'
import { type ErasureStage, setErasureStage } from './support/erasure-stage.ts'
import { appendDeletion, eventually } from './support/stage.ts'

let stage: ErasureStage
beforeEach(async () => { stage = await setErasureStage() })
afterEach(() => stage.close())

async function heldCopy (copy: StreamCopy): Promise<StreamCopy> {
  const chunks: Uint8Array[] = []
  for await (const chunk of copy.chunks) chunks.push(chunk.slice())
  return { ...copy, chunks: (async function * () { yield * chunks })() }
}

/** The outbox is as of now, the stream as of the copy. */
async function goBack (copy: StreamCopy) {
  const { jsm } = await stage.connectOperator()
  await jsm.streams.delete('EVENTS')
  await restoreStream(await stage.connectOperator(), copy, { replicas: 1 })
}

test('what an older stream lacks is published again, and what was erased since is erased again', async () => {
  const relay = stage.startRelay()
  const deleted = await stage.writePost()
  const kept = await stage.writePost('Bob Staying')
  const copy = await heldCopy(await copyStream(await stage.connectOperator(), 'EVENTS'))
  await appendDeletion(stage.sql, deleted, 4)
  const late = await stage.writePost('Carol Coming')
  await stage.gone()
  // Looked at twice, the erasure is over and forgotten.
  await stage.pool.query('DELETE FROM erasures')
  const before = await stage.stream()
  await relay.stop()

  await goBack(copy)
  expect(await stage.versionsOf(deleted)).toEqual([1, 2, 3])
  expect(await reconcileRestored(await stage.connectOperator(), stage.sql, 'posts')).toMatchObject({ missing: 4 })
  stage.startRelay()
  await stage.published()
  await stage.gone()
  await eventually(() => stage.versionsOf(deleted), (versions) => versions.length === 1)
  expect([await stage.versionsOf(kept), await stage.versionsOf(late)]).toEqual([[1, 2, 3], [1, 2, 3]])
  expect(new Set((await stage.stream()).map(({ id }) => id))).toEqual(new Set(before.map(({ id }) => id)))
})
