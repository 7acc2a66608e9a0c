import { type DeadLetter, listDeadLetters } from '@gatepost/events/dead-letters'
import type { Operators } from './operators.ts'

export interface LetterRow {
  number: number
  type: string
  aggregate: string
  version: number | null
  failedAt: string
  sequence: number
  deliveries: number
  traceId: string | undefined
}

/** Dead letters of one consumer with one cause. */
export interface LetterGroup {
  key: string
  consumer: string
  cause: string
  letters: LetterRow[]
}

/** The newest are looked at; a page says when there are more. */
const NEWEST = 1_000
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

export async function readLetters (operators: Operators): Promise<{ groups: LetterGroup[], total: number }> {
  const operator = await operators.get()
  const letters = await listDeadLetters(operator, undefined, { newest: NEWEST })
  const groups = new Map<string, LetterGroup>()
  for (const letter of letters) {
    const cause = causeOf(letter)
    const key = `${letter.consumer} ${letter.event?.type ?? letter.subject} ${cause}`
    const group = groups.get(key) ?? { key, consumer: letter.consumer, cause, letters: [] }
    groups.set(key, group)
    group.letters.push(rowOf(letter))
  }
  const { state } = await operator.jsm.streams.info('DEAD_LETTERS')
  return { groups: [...groups.values()], total: state.messages }
}

/** Ids and numbers tell letters of one cause apart. */
const causeOf = ({ cause }: DeadLetter) => cause.replace(ID, '…').replace(/\d+/g, '…')

function rowOf ({ number, event, subject, failedAt, sequence, deliveries }: DeadLetter): LetterRow {
  return {
    number,
    type: event?.type ?? subject,
    aggregate: event?.subject ?? '',
    version: event?.aggregateversion ?? null,
    failedAt,
    sequence,
    deliveries,
    traceId: event?.traceparent?.slice(3, 35)
  }
}
