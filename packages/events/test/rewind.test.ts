import { consumers } from '@gatepost/contracts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BeyondPositionError, rewindConsumer } from '../src/rewind.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { appendVersion, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

test('a consumer is not given events from beyond its position, which would skip some', async () => {
  await stage.publish(await appendVersion(stage.sql, uuidv7(), 1))
  await stage.publish(await appendVersion(stage.sql, uuidv7(), 1))
  await expect(rewindConsumer(stage.operator, consumers['feed-posts']!, 2)).rejects.toThrow(BeyondPositionError)
  stage.consume()
  await eventually(
    async () => (await stage.info()).ack_floor.stream_seq,
    (floor) => floor === 2
  )
  await expect(rewindConsumer(stage.operator, consumers['feed-posts']!, 4)).rejects.toThrow(/at most 3/)
  await rewindConsumer(stage.operator, consumers['feed-posts']!, 3)
  await rewindConsumer(stage.operator, consumers['feed-posts']!, 2)
})
