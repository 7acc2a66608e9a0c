import { setTimeout as sleep } from 'node:timers/promises'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { type ConsumerMessages, DeliverPolicy, type JetStreamClient, type JsMsg } from '@nats-io/jetstream'
import type { Broker, Log } from './broker.ts'
import { sequenceAt } from './time.ts'

export interface TailOptions {
  broker: Broker
  /** One subject filter, as nats-server 2.9 takes it. */
  filter: string
  /** The beginning: a sequence, a time, or the events from now on. */
  from: { sequence: number } | { time: Date } | 'now'
  onMessage: (message: JsMsg) => void
  /** Called with the sequence after which reading begins, and again whenever the stream had to be begun anew. */
  onBegin?: (sequence: number) => void
  log: Log
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

/**
 * Follows the stream with a short-lived ordered consumer, which is made anew after the last message seen whenever it is
 * lost. A stream that ends before that message was lost and made again: then it is read from its beginning.
 */
export function createTail ({ broker, filter, from, onMessage, onBegin, log }: TailOptions): Tail {
  /** The last sequence that need not be seen again; undefined before the first beginning. */
  let last: number | undefined
  let heardAt = performance.now()
  let messages: ConsumerMessages | undefined
  let complained = false
  const stopping = new AbortController()
  const { promise: caughtUp, resolve: beCaughtUp } = Promise.withResolvers<void>()
  const stopWatching = broker.onChange((status) => { if (status !== 'connected') messages?.stop() })

  async function firstSequence (js: JetStreamClient, lastInStream: number) {
    if (from === 'now') return lastInStream + 1
    return 'time' in from ? sequenceAt(await js.jetstreamManager(false), from.time) : from.sequence
  }

  /** The sequence to read from now. */
  async function beginning (js: JetStreamClient): Promise<number> {
    const { state } = await js.streams.get(EVENTS_STREAM).then((stream) => stream.info())
    const begun = last
    if (begun === undefined) last = await firstSequence(js, state.last_seq) - 1
    else if (state.last_seq < begun) {
      log.warn(
        { seen: begun, last: state.last_seq },
        'the stream is shorter than it was; reading it from its beginning'
      )
      last = 0
    }
    if (last !== begun) onBegin?.(last!)
    return last! + 1
  }

  async function hear (stream: ConsumerMessages) {
    for await (const notification of stream.status()) {
      if (notification.type === 'heartbeat') heardAt = performance.now()
      else if (notification.type === 'heartbeats_missed') stream.stop()
    }
  }

  async function follow () {
    await broker.connected()
    const js = broker.jetstream()
    if (!js) return
    const consumer = await js.consumers.get(EVENTS_STREAM, {
      filter_subjects: filter, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: await beginning(js)
    })
    const { num_pending: pending } = await consumer.info(true)
    heardAt = performance.now()
    complained = false
    if (pending === 0) beCaughtUp()
    messages = await consumer.consume({ max_messages: 500, expires: 10_000, idle_heartbeat: HEARTBEAT_MS })
    if (stopping.signal.aborted) messages.stop()
    void hear(messages)
    try {
      for await (const message of messages) {
        heardAt = performance.now()
        if (message.seq <= (last ?? 0) || stopping.signal.aborted) continue
        last = message.seq
        onMessage(message)
        if (message.info.pending === 0) beCaughtUp()
      }
    } finally {
      messages = undefined
      if (broker.status() === 'connected') {
        consumer.delete().catch((error: unknown) =>
          log.debug({ err: error }, 'the server will forget the reader by itself')
        )
      }
    }
  }

  async function run () {
    while (!stopping.signal.aborted) {
      try {
        await follow()
      } catch (error) {
        if (stopping.signal.aborted || broker.status() === 'closed') return
        if (!complained) log.warn({ err: error, filter }, 'the stream cannot be followed; retrying')
        complained = true
      }
      await sleep(100, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  void run()

  return {
    caughtUp,
    staleSeconds: () => (performance.now() - heardAt) / 1_000,
    stop () {
      stopping.abort()
      stopWatching()
      messages?.stop()
    }
  }
}
