import type { CloudEvent } from '@gatepost/contracts/event'
import { JetStreamApiError, type StoredMsg } from '@nats-io/jetstream'
import { DEAD_LETTER_HEADERS as HEADERS } from './consumer/dead-letter-store.ts'
import type { ReplayAnswer } from './consumer/replays.ts'
import type { Operator } from './operator.ts'
import { DEAD_LETTER_STREAM, replaySubject } from './provision/configuration.ts'
import { scan } from './scan.ts'
import { parseEvent } from './validation.ts'

/** An event that a consumer could not apply. */
export interface DeadLetter {
  /** Its number in the dead-letter stream, by which `show`, `replay` and `drop` name it. */
  number: number
  consumer: string
  cause: string
  failedAt: string
  /** The subject and sequence in the stream of events. */
  subject: string
  sequence: number
  deliveries: number
  /** The message, byte for byte. */
  payload: Uint8Array
  /** The event in it, unless it is none. */
  event: CloudEvent | undefined
}

function letterOf (message: { seq: number, data: Uint8Array }, header: (name: string) => string): DeadLetter {
  let event: CloudEvent | undefined
  try {
    event = parseEvent(message.data)
  } catch {
    event = undefined // the cause says what it is
  }
  return {
    number: message.seq,
    consumer: header(HEADERS.consumer),
    cause: header(HEADERS.cause),
    failedAt: header(HEADERS.failedAt),
    subject: header(HEADERS.subject),
    sequence: Number(header(HEADERS.sequence)),
    deliveries: Number(header(HEADERS.deliveries)),
    payload: message.data,
    event
  }
}

/** The dead letters of one consumer or of all, oldest first; of a long stream only those at its end, if one wants. */
export async function listDeadLetters (
  operator: Operator,
  consumer?: string,
  { newest = Infinity }: { newest?: number } = {}
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  const { state } = await operator.jsm.streams.info(DEAD_LETTER_STREAM)
  const from = { sequence: Math.max(1, state.last_seq - newest + 1) }
  for await (const message of scan(operator, { stream: DEAD_LETTER_STREAM, from })) {
    letters.push(letterOf(message, (name) => message.headers?.get(name) ?? ''))
  }
  return consumer === undefined ? letters : letters.filter((letter) => letter.consumer === consumer)
}

/** The dead letter of that number, or undefined. */
export async function readDeadLetter ({ jsm }: Operator, number: number): Promise<DeadLetter | undefined> {
  const message: StoredMsg | null = await jsm.streams.getMessage(DEAD_LETTER_STREAM, { seq: number })
  return message ? letterOf(message, (name) => message.header.get(name)) : undefined
}

/** Removes a dead letter for good; false when there is none of that number. */
export async function dropDeadLetter ({ jsm }: Operator, number: number): Promise<boolean> {
  try {
    return await jsm.streams.deleteMessage(DEAD_LETTER_STREAM, number, true)
  } catch (error) {
    if (error instanceof JetStreamApiError) return false
    throw error
  }
}

const REPLAY_TIMEOUT_MS = 15_000

/**
 * Has the running consumer handle the event again, and drops the letter once it is applied (or was before). Replay
 * letters of one aggregate in their order. Throws when no replica of the consumer runs.
 */
export async function replayDeadLetter (operator: Operator, letter: DeadLetter): Promise<ReplayAnswer> {
  const reply = await operator.nc.request(replaySubject(letter.consumer), letter.payload, {
    timeout: REPLAY_TIMEOUT_MS
  })
  const answer = reply.json<ReplayAnswer>()
  if ('verdict' in answer && answer.verdict !== 'gap') await dropDeadLetter(operator, letter.number)
  return answer
}
