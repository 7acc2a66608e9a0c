import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsumerInfo, JsMsg } from '@nats-io/jetstream'
import type { CloudEvent } from '../event-contract.ts'
import type { EventReader } from './event-reader.ts'
import { createLanes, createSlots } from './lanes.ts'

export interface Delivery<Event = CloudEvent> {
  event: Event
  /** The position in the stream, for reading on from there without a durable subscription. */
  sequence: number
  /** Whether it may have been delivered before. */
  redelivered: boolean
}

export interface ReceiverOptions {
  concurrency: number
  ackWaitMs: number
  read: EventReader
  onEvent: (event: CloudEvent, delivery: Delivery) => Promise<void> | void
  onError: (error: Error, message: { subject: string, sequence: number }) => void
  /** Resolves when the server has confirmed the acknowledgement. */
  acknowledge: (message: JsMsg) => Promise<void>
  /** What the server knows of the consumer now. */
  info: () => Promise<ConsumerInfo>
}

/** An event from its delivery until the server has confirmed its acknowledgement. */
interface Held {
  /** The newest delivery of it. */
  message: JsMsg
  begun: boolean
}

const CONFIRM_AGAIN_MS = 200
const RECENT = 4_096
const retryDelay = (failures: number) => Math.min(60_000, 500 * 2 ** failures)

/**
 * Deals with events one after the other, or, with a concurrency, one after the other of each aggregate. An event is
 * held until the server has confirmed its acknowledgement; only then comes the next one of its aggregate.
 *
 * The server delivers again what a dead process or a broken connection had, but only after a while and beside newer
 * events. So after a start or a loss of the connection everything waits until all that is out at the server is held
 * here, and is then dealt with in the stream's order. With one event out at a time there is nothing to wait for.
 */
export function createReceiver (options: ReceiverOptions) {
  const { concurrency, ackWaitMs, read, onEvent, onError, acknowledge, info } = options
  const held = new Map<number, Held>()
  /** Sequences that were dealt with last. */
  const recent = new Set<number>()
  const slots = createSlots(concurrency)
  const lanes = createLanes<Held>(deal)
  const stopping = new AbortController()
  const parked: Held[] = []
  let connectedAt = Infinity
  let whole = concurrency === 1
  let confirmed = 0
  let gathering: Promise<void> | undefined
  const heartbeat = setInterval(() => {
    for (const { message } of held.values()) message.working()
  }, ackWaitMs / 3)

  function report (error: unknown, { subject, seq }: JsMsg) {
    onError(error instanceof Error ? error : new Error(String(error)), { subject, sequence: seq })
  }

  async function deal (one: Held) {
    if (stopping.signal.aborted) return
    one.begun = true
    const event = readOrReport(one.message)
    if (event && !await handled(event, one)) one.message.nak()
    else await confirm(one)
  }

  function readOrReport (message: JsMsg) {
    try {
      return read(message)
    } catch (error) {
      report(error, message)
      return undefined
    }
  }

  /** Tries until it works; false: stopped before it did. */
  async function handled (event: CloudEvent, { message }: Held) {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      const delivery = { event, sequence: message.seq, redelivered: message.redelivered || failures > 0 }
      try {
        await slots.run(() => onEvent(event, delivery))
        return true
      } catch (error) {
        report(error, message)
        await sleep(retryDelay(failures), undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
    return false
  }

  /** Until then the server may deliver it again, and the next one of its aggregate would have come before it. */
  async function confirm (one: Held) {
    while (!await acknowledge(one.message).then(() => true, () => false)) {
      if (stopping.signal.aborted) return
      await sleep(CONFIRM_AGAIN_MS)
    }
    const { seq } = one.message
    held.delete(seq)
    confirmed++
    recent.add(seq)
    if (recent.size > RECENT) recent.delete(recent.values().next().value!)
  }

  const enter = (one: Held) => lanes.add(concurrency === 1 ? '' : aggregateOf(one.message), one)

  /** Waits until everything that is out at the server is held here. */
  async function gather () {
    while (!whole && !stopping.signal.aborted) {
      const [count, acks, since] = [held.size, confirmed, connectedAt]
      const known = await info().catch(() => undefined)
      const all = known?.num_ack_pending === count && acks === confirmed
      // What has not come again by then was erased from the stream, and will not come.
      const late = performance.now() > since + 2 * ackWaitMs
      if (since === connectedAt && (all || late)) whole = true
      else await sleep(ackWaitMs / 20)
    }
    for (const one of parked.splice(0).sort((a, b) => a.message.seq - b.message.seq)) enter(one)
  }

  return {
    take (message: JsMsg) {
      const known = held.get(message.seq)
      if (known) {
        known.message = message
        return
      }
      if (recent.has(message.seq)) { // it crossed with its acknowledgement
        acknowledge(message).catch(() => undefined)
        return
      }
      const one = { message, begun: false }
      held.set(message.seq, one)
      if (whole) enter(one)
      else parked.push(one)
    },

    /** The server may have sent what did not arrive. */
    interrupted () {
      whole = concurrency === 1
      connectedAt = Infinity
    },

    /** There is a connection; so many events were out before anything was asked for, if that is known. */
    begin (out?: number) {
      if (out === 0) whole = true
      connectedAt = performance.now()
      if (!whole) gathering ??= gather().finally(() => { gathering = undefined })
    },

    /** Finishes what is begun, and gives back the rest. */
    async stop () {
      stopping.abort()
      await gathering
      await lanes.idle()
      for (const { message, begun } of held.values()) if (!begun) message.nak()
      clearInterval(heartbeat)
    }
  }
}

/** The aggregate's id, also of an event that does not fit its contract. */
function aggregateOf (message: JsMsg): string {
  try {
    return String(message.json<CloudEvent>().subject)
  } catch {
    return ''
  }
}
