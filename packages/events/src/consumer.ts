import { setTimeout as sleep } from 'node:timers/promises'
import { type CloudEvent, type EventData, EVENTS_STREAM } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import type { ConsumerMessages } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Broker } from './broker.ts'
import type { Handler, Transaction } from './consumer/handling.ts'
import { watchCollisions } from './consumer/collisions.ts'
import { createConsumerMetrics } from './consumer/metrics.ts'
import { answerReplays } from './consumer/replays.ts'
import { type Observation, watchConsumer } from './consumer/watch.ts'
import { createWorkers } from './consumer/workers.ts'

export { type Handler, type Transaction }

export interface ConsumerOptions<Tx> {
  broker: Broker
  /** One of the durable consumers of the contracts: `consumers['feed-posts']`. */
  definition: ConsumerDefinition
  /** By event type; see {@link handlerOf}. A type without a handler is skipped, and its version is recorded. */
  handlers: Record<string, Handler<Tx>>
  transaction: Transaction<Tx>
  log: Logger
  /**
   * Events of different aggregates handled side by side. Default 8: keep it below the size of the database pool.
   */
  concurrency?: number
  registry?: Registry
  /** Called with each event once its effect is committed. */
  onApplied?: (event: CloudEvent) => void
}

export interface ConsumerStatus extends Pick<Observation, 'missing' | 'pending' | 'oldestSeconds'> {
  /** Whether events are being pulled now. */
  pulling: boolean
  inFlight: number
  /** Events whose version another event had before, since the last rebuild. */
  collisions: number
  /** Seconds since the server last said how far the consumer is. */
  silentSeconds: number
}

/** A durable consumer whose effects happen exactly once, per aggregate in order. */
export interface Consumer {
  readonly name: string
  start (): void
  /** Pulls no more, lets running handlers finish (ten seconds at most), gives the rest back to other replicas. */
  stop (): Promise<void>
  status (): ConsumerStatus
}

/** Gives a handler the type of its event: `[postCreated.type]: handlerOf(postCreated, async (event, tx) => …)`. */
export function handlerOf<Definition, Tx> (
  _definition: Definition,
  handler: (event: CloudEvent<EventData<Definition>>, tx: Tx) => Promise<void>
): Handler<Tx> {
  return handler as Handler<Tx>
}

/**
 * Few messages: a killed replica holds little, a slow one leaves work to others, and a heartbeat covers all of them.
 */
const MAX_HELD = 64
const REFILL_AT = 32

/**
 * Pulls a durable consumer. Each event is validated, then its effect and its version are written in one transaction,
 * then it is acknowledged. A failed event comes again, later each time; an event that can never be applied goes to the
 * dead-letter stream with its cause; the consumer waits for a database that is away.
 */
export function createConsumer<Tx> (
  { broker, definition, handlers, transaction, log: parent, concurrency = 8, registry, onApplied }: ConsumerOptions<Tx>
): Consumer {
  const log = parent.child({ consumer: definition.name })
  const metrics = createConsumerMetrics(registry, definition.name)
  const workers = createWorkers({ broker, definition, handlers, transaction, log, concurrency, metrics, onApplied })
  const stopping = new AbortController()
  let messages: ConsumerMessages | undefined
  let running: Promise<void> | undefined
  let complained = false
  let pulling = false
  const watch = watchConsumer({ broker, definition, log, metrics, onMadeAgain: () => { messages?.stop() } })
  const collisions = watchCollisions({ definition, transaction, metrics, log })
  const stopReplays = answerReplays({ broker, definition, handlers, transaction, log })

  async function pull () {
    await broker.connected()
    const consumer = await broker.jetstream()!.consumers.get(EVENTS_STREAM, definition.name)
    workers.keepAlive((await consumer.info(true)).config.ack_wait! / 1e6)
    while (!stopping.signal.aborted) {
      messages = await consumer.fetch({ max_messages: MAX_HELD - workers.busy, expires: 10_000, idle_heartbeat: 1_000 })
      if (complained) log.info('pulling again')
      complained = false
      pulling = true
      // None stays in the client, where no heartbeat would reach it.
      for await (const message of messages) workers.add(message)
      await workers.room(REFILL_AT)
    }
  }

  async function run () {
    while (!stopping.signal.aborted) {
      try {
        await pull()
      } catch (error) {
        if (stopping.signal.aborted || broker.status() === 'closed') return
        if (!complained) log.warn({ err: error }, 'events cannot be pulled; retrying')
        complained = true
      }
      pulling = false
      await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }

  return {
    name: definition.name,
    start () {
      running ??= run()
      watch.start()
      collisions.start()
    },
    async stop () {
      stopping.abort()
      stopReplays()
      messages?.stop()
      await Promise.all([watch.stop(), collisions.stop()])
      await workers.stop()
      await Promise.race([running, sleep(1_000, undefined, { ref: false })])
    },
    status () {
      const { missing, pending, oldestSeconds, at } = watch.observation
      return {
        missing,
        pending,
        oldestSeconds,
        inFlight: workers.size,
        collisions: collisions.found.count,
        silentSeconds: (performance.now() - at) / 1_000,
        pulling: pulling && broker.status() === 'connected'
      }
    }
  }
}
