import type { JsMsg } from '@nats-io/jetstream'
import { headers } from '@nats-io/nats-core'
import type { Broker } from '../broker.ts'
import { DEAD_LETTER_STREAM, deadLetterSubject } from '../provision/configuration.ts'
import { parseEvent } from '../validation.ts'

export const DEAD_LETTER_HEADERS = {
  consumer: 'Gatepost-Consumer',
  cause: 'Gatepost-Cause',
  subject: 'Gatepost-Subject',
  sequence: 'Gatepost-Stream-Sequence',
  deliveries: 'Gatepost-Deliveries',
  failedAt: 'Gatepost-Failed-At'
} as const

/** A header holds one line of visible characters. */
const oneLine = (text: string) => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 1_000)

/**
 * Stores the message with its cause in the dead-letter stream; resolves with its number only once the stream has it.
 * The same message of the same consumer is stored once, however often this is tried, unless its letter was dropped
 * meanwhile.
 */
export async function storeDeadLetter (
  broker: Broker,
  consumer: string,
  message: JsMsg,
  cause: string
): Promise<number> {
  const js = broker.jetstream()
  if (!js) throw new Error('not connected')
  const head = headers()
  for (const name of message.headers?.keys() ?? []) {
    if (!name.startsWith('Nats-')) head.set(name, message.headers!.get(name))
  }
  head.set(DEAD_LETTER_HEADERS.consumer, consumer)
  head.set(DEAD_LETTER_HEADERS.cause, oneLine(cause))
  head.set(DEAD_LETTER_HEADERS.subject, message.subject)
  head.set(DEAD_LETTER_HEADERS.sequence, String(message.seq))
  head.set(DEAD_LETTER_HEADERS.deliveries, String(message.info.deliveryCount))
  head.set(DEAD_LETTER_HEADERS.failedAt, new Date().toISOString())
  const subject = deadLetterSubject(consumer, aggregateOf(message.data))
  // Unique also when the stream was made anew, and its sequences with it.
  const stored = `${consumer}:${message.seq}:${message.info.timestampNanos}`
  const jsm = await js.jetstreamManager(false)
  for (let msgID = stored; ;) {
    const { seq, duplicate } = await js.publish(subject, message.data, {
      headers: head,
      msgID,
      expect: { streamName: DEAD_LETTER_STREAM }
    })
    // The server takes it for a duplicate also of a letter that is gone.
    if (!duplicate || await jsm.streams.getMessage(DEAD_LETTER_STREAM, { seq }) !== null) return seq
    msgID = `${stored}:after ${seq}`
  }
}

function aggregateOf (data: Uint8Array): string | undefined {
  try {
    return parseEvent(data).subject
  } catch {
    return undefined
  }
}
