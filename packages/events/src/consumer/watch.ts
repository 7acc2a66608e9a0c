import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { createRoutine } from '@gatepost/service-kit/routine'
import {
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager
} from '@nats-io/jetstream'
import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { nextMessage } from '../next-message.ts'
import { consumerConfig, DEAD_LETTER_STREAM } from '../provision/configuration.ts'
import type { ConsumerMetrics } from './metrics.ts'

const EVERY_MS = 1_000
const TIMEOUT_MS = 2_000
const STREAM_NOT_FOUND = 10059
const LOG_EVERY_MS = 60_000

/** The server's view of a durable consumer. */
export interface Observation {
  /** The missing part on the server; undefined while the consumer is there. */
  missing: 'consumer' | 'stream' | undefined
  /** Events that are not acknowledged yet, whether they were delivered or not. */
  pending: number
  /** Age of the oldest of them. */
  oldestSeconds: number
  /** Dead letters of all consumers. */
  deadLetters: number
  /** When the server last answered, by the monotonic clock. */
  at: number
}

export interface WatchOptions {
  broker: Broker
  definition: ConsumerDefinition
  log: Logger
  metrics: ConsumerMetrics
  /** Called when the consumer was found missing, and is there again. */
  onMadeAgain: () => void
}

/**
 * Asks the server every second how far a durable consumer is. A missing consumer is made again after its last
 * acknowledgement, or from the stream's beginning when this process does not know it: the inbox skips repetitions.
 */
export function watchConsumer ({ broker, definition, log, metrics, onMadeAgain }: WatchOptions) {
  const { name } = definition
  const observation: Observation = {
    missing: undefined,
    pending: 0,
    oldestSeconds: 0,
    deadLetters: 0,
    at: performance.now()
  }
  /** Of the stream that has it. */
  let acknowledged: { sequence: number, stream: string } | undefined
  let saidAt = -Infinity

  async function observe (jsm: JetStreamManager) {
    const info = await jsm.consumers.info(EVENTS_STREAM, name)
    const { created } = await jsm.streams.info(EVENTS_STREAM)
    acknowledged = { sequence: info.ack_floor.stream_seq, stream: created }
    observation.missing = undefined
    observation.pending = info.num_pending + info.num_ack_pending
    observation.oldestSeconds = observation.pending === 0 ? 0 : await ageOfOldest(jsm, info)
    observation.deadLetters = (await jsm.streams.info(DEAD_LETTER_STREAM)).state.messages
    observation.at = performance.now()
  }

  async function ageOfOldest (
    jsm: JetStreamManager,
    { ack_floor: floor, config: { opt_start_seq: start } }: ConsumerInfo
  ) {
    const oldest = await nextMessage(jsm, EVENTS_STREAM, Math.max(floor.stream_seq + 1, start ?? 1), definition.filter)
    return oldest ? Math.max(0, (Date.now() - oldest.time.getTime()) / 1_000) : 0
  }

  async function makeAgain (jsm: JetStreamManager) {
    const { created } = await jsm.streams.info(EVENTS_STREAM)
    const after = acknowledged?.stream === created ? acknowledged.sequence : 0
    await jsm.consumers.add(EVENTS_STREAM, {
      ...consumerConfig(definition),
      ...after > 0 && { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }
    })
    log.warn({ after }, `the durable consumer ${name} was missing and is made again`)
    onMadeAgain()
  }

  async function look () {
    const nc = broker.connection()
    if (!nc) return
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: TIMEOUT_MS })
    try {
      await observe(jsm)
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.status !== 404) {
        log.debug({ err: error }, 'the server does not say how far the consumer is; asking again')
        return
      }
      observation.missing = error.code === STREAM_NOT_FOUND ? 'stream' : 'consumer'
      if (observation.missing === 'consumer') return await makeAgain(jsm)
      if (performance.now() - saidAt < LOG_EVERY_MS) return
      saidAt = performance.now()
      log.error(`a stream that the consumer ${name} needs is missing: pnpm events provision makes it`)
    } finally {
      metrics.pending.set({ consumer: name }, observation.pending)
      metrics.oldestPending.set({ consumer: name }, observation.oldestSeconds)
      metrics.missing.set({ consumer: name }, observation.missing ? 1 : 0)
      metrics.deadLetters.set(observation.deadLetters)
    }
  }

  const routine = createRoutine({ name: `watch ${name}`, everyMs: EVERY_MS, work: look, log })
  const stopListening = broker.onChange((status) => { if (status === 'connected') routine.wake() })
  return {
    observation,
    start: routine.start,
    async stop () {
      stopListening()
      await routine.stop()
    }
  }
}
