import { postCreated } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { indexStream } from '../src/audit.ts'
import { WHOLE } from '../src/parts.ts'
import { provision } from '../src/provision.ts'
import { begunIn, publishSnapshot } from '../src/snapshot.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { appendVersion, appendVersions, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

test('a stream that lost its past teaches a new consumer what is, and one that knows it nothing', async () => {
  const { operator, nats, feed } = stage
  stage.relay(stage.broker())
  const living = stage.consume()
  const post = uuidv7()
  await appendVersions(stage.pool, post, 1, 5)
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 5)
  await operator.jsm.streams.purge('EVENTS')
  expect(await begunIn(operator, postCreated, WHOLE)).toEqual(new Set())

  const createdAt = new Date()
  const text = { title: 'Now', content: 'What it is.' }
  const data = { postId: post, authorId: uuidv7(), ...text, createdAt: createdAt.toISOString() }
  // As old as the post, which was made before its events here.
  const state = { version: 5, createdAt: new Date(createdAt.getTime() - 60_000), data }
  await publishSnapshot(operator, postCreated, state)
  await publishSnapshot(operator, postCreated, state)
  await appendVersion(stage.sql, post, 6)
  await eventually(() => stage.effectsOf(post), (versions) => versions.includes(6))
  expect(await stage.effectsOf(post)).toEqual([1, 2, 3, 4, 5, 6])
  expect(await begunIn(operator, postCreated, WHOLE)).toEqual(new Set([post]))
  const { findings, collisions, repeated } = await indexStream(operator)
  expect({ findings, collisions, repeated }).toEqual({ findings: [], collisions: 0, repeated: 0 })

  await living.stop()
  await feed.query('TRUNCATE inbox, effects')
  await operator.jsm.consumers.delete('EVENTS', 'feed-posts')
  await provision({ servers: nats.urlOf('provisioner') })
  stage.consume()
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 2)
  expect(await stage.effectsOf(post)).toEqual([5, 6])
})
