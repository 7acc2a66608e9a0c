import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { EVENT_MEDIA_TYPE } from '@gatepost/contracts/stream'
import { createInbox, headers, type Msg, type NatsConnection } from '@nats-io/nats-core'
import type { Broker } from '../broker.ts'
import { inboxPrefixOf } from '../broker.ts'
import type { WaitingRow } from './outbox-store.ts'
import { tracedPublish } from './tracing.ts'

/** The end of one publish. Only `stored` is success; after `unknown` the event may be stored. */
export type Outcome =
  | { kind: 'stored', sequence: number, duplicate: boolean }
  | { kind: 'unknown', reason: string }
  | { kind: 'unavailable', reason: string }
  | { kind: 'refused', reason: string }
  | { kind: 'forbidden', reason: string }

export interface Publisher {
  /** Sends now, or not at all; `done` is called exactly once. */
  publish (row: WaitingRow, done: (outcome: Outcome) => void): void
  stop (): void
}

interface Ack {
  stream?: string
  seq?: number
  duplicate?: boolean
  error?: { code: number, err_code?: number, description: string }
}

const ACK_TIMEOUT_MS = 5_000
/** Refusals that are about this one message: too large, header too large, wrong stream for the subject. */
const POISON_CODES = new Set([10054, 10097, 10060])

/**
 * Publishes with the acknowledgements coming to one inbox. Everything in flight is `unknown` as soon as the connection
 * breaks, since nobody can say whether the server had stored it.
 */
export function createPublisher (broker: Broker, name: string): Publisher {
  const waiting = new Map<string, { subject: string, done: (outcome: Outcome) => void, since: number }>()
  let inbox = ''
  let listening: NatsConnection | undefined
  let count = 0

  function settle (token: string, outcome: Outcome) {
    const entry = waiting.get(token)
    waiting.delete(token)
    entry?.done(outcome)
  }

  function listen (nc: NatsConnection) {
    listening = nc
    inbox = createInbox(inboxPrefixOf(name))
    nc.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (!error) settle(message.subject.slice(inbox.length + 1), outcomeOf(message))
      }
    })
  }

  function abandon (reason: string, olderThan = Infinity) {
    for (const [token, entry] of waiting) {
      if (entry.since < olderThan) settle(token, { kind: 'unknown', reason })
    }
  }

  /** A violation names a subject and no message: the server drops every message of that subject. */
  const stopHearing = broker.onRefusal(({ operation, subject }) => {
    if (operation !== 'publish') return
    for (const [token, entry] of waiting) {
      if (entry.subject === subject) settle(token, { kind: 'forbidden', reason: `NATS does not permit ${subject}` })
    }
  })
  const stopWatching = broker.onChange((status) => { if (status !== 'connected') abandon('the connection broke') })
  const sweep = setInterval(() => abandon('no acknowledgement', performance.now() - ACK_TIMEOUT_MS), 500)

  return {
    publish (row, whenDone) {
      const done = tracedPublish(row, whenDone)
      const nc = broker.connection()
      if (!nc) return done({ kind: 'unavailable', reason: 'not connected' })
      if (nc !== listening) listen(nc)
      const token = (count++).toString(36)
      try {
        const head = headers()
        head.set('Nats-Msg-Id', row.eventId)
        head.set('Nats-Expected-Stream', EVENTS_STREAM)
        head.set('content-type', EVENT_MEDIA_TYPE)
        waiting.set(token, { subject: row.subject, done, since: performance.now() })
        nc.publish(row.subject, row.payload, { reply: `${inbox}.${token}`, headers: head })
      } catch (error) {
        settle(token, { kind: 'refused', reason: error instanceof Error ? error.message : String(error) })
      }
    },
    stop () {
      stopHearing()
      stopWatching()
      clearInterval(sweep)
      abandon('the relay stops')
    }
  }
}

function outcomeOf (message: Msg): Outcome {
  if (message.data.length === 0) {
    return { kind: 'unavailable', reason: `JetStream does not answer (${message.headers?.code ?? 'empty answer'})` }
  }
  const { stream, seq, duplicate = false, error } = message.json<Ack>()
  if (error) {
    return { kind: POISON_CODES.has(error.err_code ?? 0) ? 'refused' : 'unavailable', reason: error.description }
  }
  if (stream !== EVENTS_STREAM || !Number.isInteger(seq) || seq! < 1) {
    return { kind: 'unknown', reason: 'an acknowledgement without a sequence' }
  }
  return { kind: 'stored', sequence: seq!, duplicate }
}
