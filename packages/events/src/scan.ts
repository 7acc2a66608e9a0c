import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import type { Operator } from './operator.ts'
import { sequenceAt } from './time.ts'

export interface ScanOptions {
  stream?: string
  /** One subject filter. */
  filter?: string
  from?: { sequence: number } | { time: Date }
  /** Without the bodies, where the headers say enough. */
  headersOnly?: boolean
  /**
   * What was lost on its way with a broken connection, or deleted before it was sent, is waited for so long. Default 5
   * s.
   */
  idleMs?: number
}

/**
 * Every message from `from` up to the one that is the last when the scan begins, in order. Throws when the end is not
 * reached: nobody must take a part for the whole.
 */
export async function * scan (
  { js, jsm }: Pick<Operator, 'js' | 'jsm'>,
  { stream = EVENTS_STREAM, filter, from = { sequence: 1 }, headersOnly = false, idleMs = 5_000 }: ScanOptions = {}
): AsyncGenerator<JsMsg> {
  const { state } = await jsm.streams.info(stream)
  if (state.messages === 0) return
  const consumer = await js.consumers.get(stream, {
    headers_only: headersOnly,
    ...filter && { filter_subjects: filter },
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: 'time' in from ? await sequenceAt(jsm, from.time) : Math.max(1, from.sequence)
  })
  if ((await consumer.info(true)).num_pending === 0) return
  const messages = await consumer.consume({ max_messages: 1_000, expires: 10_000 })
  const stop = () => messages.stop()
  let idle = setTimeout(stop, idleMs)
  try {
    for await (const message of messages) {
      clearTimeout(idle)
      if (message.seq > state.last_seq) return
      yield message
      if (message.info.pending === 0) return
      idle = setTimeout(stop, idleMs)
    }
  } finally {
    clearTimeout(idle)
    await messages.close()
  }
  throw new Error(`stream ${stream} could not be read to its end`)
}
