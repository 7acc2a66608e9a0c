import { EVENTS_STREAM, EVENTS_SUBJECTS } from '@gatepost/contracts/event'
import { AckPolicy, type Consumer, DeliverPolicy, type JetStreamClient, type JsMsg } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import type { Broker } from '../broker.ts'
import type { Batch } from './item.ts'
import { createSlots } from './slots.ts'

export interface StreamReaderOptions<Item> {
  broker: Broker
  itemOf: (message: JsMsg) => Item | undefined
  /** A batch ends before the message that would exceed it, unless that is its first. */
  batchBytes: number
  /** Consumers at the server at a time. */
  consumers: number
}

const FETCH_MS = 5_000

/**
 * Reads single batches from anywhere in the stream, each with a consumer of its own that is gone before the next one
 * takes its place: a slow reader holds nothing at the server, and readers take turns in the order in which they asked.
 */
export function createStreamReader<Item> ({ broker, itemOf, batchBytes, consumers }: StreamReaderOptions<Item>) {
  const slots = createSlots(consumers)
  /** By sequence: readers at the same place, as after a restart, share one reading. */
  const readings = new Map<number, Promise<Batch<Item>>>()

  async function read (after: number, upTo: number): Promise<Batch<Item>> {
    const js = client()
    const { consumers } = await js.jetstreamManager(false)
    const info = await consumers.add(EVENTS_STREAM, {
      name: `replay-${crypto.randomUUID()}`,
      filter_subject: EVENTS_SUBJECTS,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: after + 1,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(2 * FETCH_MS)
    })
    try {
      return info.num_pending === 0 ? { items: [], upTo } : await fetch(js.consumers.getConsumerFromInfo(info), upTo)
    } finally {
      await consumers.delete(EVENTS_STREAM, info.name).catch(() => undefined) // the server forgets it by itself
    }
  }

  async function fetch (
    consumer: Consumer,
    upTo: number,
    limit: { max_bytes: number } | { max_messages: 1 } = { max_bytes: batchBytes }
  ): Promise<Batch<Item>> {
    const messages = await consumer.fetch({ ...limit, expires: FETCH_MS })
    const items: Item[] = []
    let last: number | undefined
    let delivery = 0
    try {
      for await (const message of messages) {
        if (message.info.deliverySequence !== ++delivery) break // the ones between were lost with a connection
        if (message.seq <= upTo) {
          last = message.seq
          const item = itemOf(message)
          if (item) items.push(item)
        }
        if (message.seq >= upTo || message.info.pending === 0) return { items, upTo }
      }
    } catch (error) {
      if (!endsBatch(error)) throw error
      if (last === undefined) return fetch(consumer, upTo, { max_messages: 1 })
    }
    if (last === undefined) throw new Error('no message came')
    return { items, upTo: last }
  }

  /** Rejects as soon as the connection is lost: the library would wait for answers until they are overdue. */
  function whileConnected<Result> (work: Promise<Result>): Promise<Result> {
    const { promise: lost, reject } = Promise.withResolvers<never>()
    const stopWatching = broker.onChange(() => reject(new Error('the connection was lost')))
    return Promise.race([work, lost]).finally(stopWatching)
  }

  function client (): JetStreamClient {
    const js = broker.jetstream()
    if (!js) throw new Error('NATS is away')
    return js
  }

  return {
    /** The events after one sequence up to another, or as many of them as a batch holds. Rejects while NATS is away. */
    read (after: number, upTo: number) {
      let reading = readings.get(after)
      if (!reading) {
        reading = slots.run(() => whileConnected(read(after, upTo))).finally(() => readings.delete(after))
        readings.set(after, reading)
      }
      return reading
    },

    /** The newest sequence of the stream, as its server says. */
    async lastSequence () {
      const { streams } = await client().jetstreamManager(false)
      return (await whileConnected(streams.info(EVENTS_STREAM))).state.last_seq
    }
  }
}

/** The server's answers when a batch is full: of messages, or of bytes so that the next message does not fit. */
function endsBatch (error: unknown) {
  return (error as { code?: number }).code === 409 && /maxbytes|batch completed/i.test((error as Error).message)
}
