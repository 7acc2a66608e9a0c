import { setTimeout as sleep } from 'node:timers/promises'
import { type ConsumerMessages, DeliverPolicy, type JsMsg, type OrderedConsumerOptions } from '@nats-io/jetstream'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { type Logger } from 'pino'
import { type Broker } from '../broker.ts'

export interface TailOptions {
  broker: Broker
  /** One subject filter, as nats-server 2.9 takes it. */
  filter: string
  /** Where to begin: a sequence, a time, or what comes from now on. */
  from: { sequence: number } | { time: Date } | 'now'
  onMessage: (message: JsMsg) => void
  log: Logger
}

/** Everything that passes a filter, in the stream's order and without a gap, across lost connections. */
export interface Tail {
  /** Resolves once everything that was in the stream at the beginning has been seen. */
  caughtUp: Promise<void>
  /** Seconds since the server last said something; at most about one while all is well. */
  staleSeconds (): number
  stop (): void
}

const HEARTBEAT_MS = 1_000

/** Follows the stream with a short-lived ordered consumer, which is made anew after the last message seen whenever it is lost. */
export function createTail ({ broker, filter, from, onMessage, log }: TailOptions): Tail {
  let last = 0
  let heardAt = -Infinity
  const began = performance.now()
  let messages: ConsumerMessages | undefined
  let complained = false
  const stopping = new AbortController()
  const { promise: caughtUp, resolve: beCaughtUp } = Promise.withResolvers<void>()
  const stopWatching = broker.onChange((status) => { if (status !== 'connected') messages?.stop() })

  function begin (): Partial<OrderedConsumerOptions> {
    if (last > 0) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: last + 1 }
    if (from === 'now') return { deliver_policy: DeliverPolicy.New }
    if ('time' in from) return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.time.toISOString() }
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, from.sequence) }
  }

  async function hear (stream: ConsumerMessages) {
    for await (const notification of stream.status()) {
      if (notification.type === 'heartbeat') heardAt = performance.now()
      else if (notification.type === 'heartbeats_missed') stream.stop()
    }
  }

  async function follow () {
    await broker.connected()
    const consumer = await broker.jetstream()!.consumers.get(EVENTS_STREAM, { filter_subjects: filter, ...begin() })
    const { num_pending: pending } = await consumer.info(true)
    heardAt = performance.now()
    complained = false
    if (pending === 0) beCaughtUp()
    messages = await consumer.consume({ max_messages: 500, expires: 10_000, idle_heartbeat: HEARTBEAT_MS })
    void hear(messages)
    try {
      for await (const message of messages) {
        heardAt = performance.now()
        if (message.seq <= last) continue
        last = message.seq
        onMessage(message)
        if (message.info.pending === 0) beCaughtUp()
      }
    } finally {
      messages = undefined
      void consumer.delete().catch(() => undefined) // the server forgets it by itself
    }
  }

  async function run () {
    while (!stopping.signal.aborted) {
      try {
        await follow()
      } catch (error) {
        if (stopping.signal.aborted) return
        if (!complained) log.warn({ err: error, filter }, 'the stream cannot be followed; trying on')
        complained = true
      }
      await sleep(200, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  void run()

  return {
    caughtUp,
    staleSeconds: () => (performance.now() - Math.max(heardAt, began)) / 1_000,
    stop () {
      stopping.abort()
      stopWatching()
      messages?.stop()
    }
  }
}
