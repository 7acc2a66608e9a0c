import { setTimeout as sleep } from 'node:timers/promises'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import { nextMessage } from './next-message.ts'
import type { Operator } from './operator.ts'
import { sequenceAt } from './time.ts'

export interface ScanOptions {
  stream?: string
  /** One subject filter. */
  filter?: string
  from?: { sequence: number } | { time: Date }
  /** Without the bodies, where the headers say enough. */
  headersOnly?: boolean
  /** A message that was lost on its way, with a broken connection, is waited for this long. Default 5 s. */
  idleMs?: number
}

/** A message that counted as pending may be erased before it is sent: after this long the server is asked again. */
const ASK_AFTER_MS = 250

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
  let next = 'time' in from ? await sequenceAt(jsm, from.time) : Math.max(1, from.sequence)
  const consumer = await js.consumers.get(stream, {
    headers_only: headersOnly,
    ...filter && { filter_subjects: filter },
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: next
  })
  if ((await consumer.info(true)).num_pending === 0) return
  const messages = await consumer.consume({ max_messages: 1_000, expires: 10_000 })
  /** Infinity while the reader works on a message. */
  let waitsSince = performance.now()
  const over = new AbortController()

  async function isLeft () {
    const message = await nextMessage(jsm, stream, next, filter)
    return message !== null && message.seq <= state.last_seq
  }

  /** Ends the reading when nothing is left, or nothing comes. */
  async function watch () {
    for (;;) {
      await sleep(ASK_AFTER_MS, undefined, { signal: over.signal })
      const silent = performance.now() - waitsSince
      if (silent > idleMs || (silent >= ASK_AFTER_MS && !await isLeft().catch(() => true))) return messages.stop()
    }
  }

  watch().catch(() => undefined) // it is over
  try {
    for await (const message of messages) {
      if (message.seq > state.last_seq) return
      next = message.seq + 1
      waitsSince = Infinity
      yield message
      waitsSince = performance.now()
      if (message.info.pending === 0) return
    }
  } finally {
    over.abort()
    await messages.close()
  }
  if (await isLeft()) throw new Error(`stream ${stream} could not be read to its end`)
}
