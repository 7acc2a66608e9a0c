import { setTimeout as sleep } from 'node:timers/promises'
import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { CloudEvent, EventData } from '@gatepost/contracts/event'
import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'
import type { Broker } from './broker.ts'
import { createTail } from './tail.ts'
import { faultOf, parseEvent } from './validation.ts'

export interface RevocationsOptions {
  broker: Broker
  /** Where revoked sessions are noted, by the time in milliseconds at which the last of their access tokens dies. */
  revocations: { revoke (sessionId: string, expiresAtMs: number): void, markComplete (): void }
  /** Seconds that the reader lets a token live at most: an older revocation concerns no token that it would accept. */
  accessTokenTtl: number
  log: Logger
  registry?: Registry
}

export interface RevocationsStatus {
  caughtUp: boolean
  /** Seconds since the stream was last known to be complete here. */
  staleSeconds: number
}

export interface Revocations {
  /** Resolves once every revocation that can still matter has been read. */
  ready: Promise<void>
  /**
   * The same, or two seconds from the start: a process waits for this before it listens, and for NATS no longer.
   */
  readyOrLate: Promise<void>
  status (): RevocationsStatus
  stop (): void
}

/** Clocks of the services and of NATS may differ by this much. */
const SKEW_SECONDS = 60
const START_MS = 2_000

/**
 * Follows `session-revoked`, from one token life ago. An event that cannot be read is logged and passed over: one bad
 * message must not keep every later revocation from being seen.
 */
export function followRevocations (
  { broker, revocations, accessTokenTtl, log, registry }: RevocationsOptions
): Revocations {
  let caughtUp = false
  const tail = createTail({
    broker,
    log,
    filter: sessionRevoked.subject,
    from: { time: new Date(Date.now() - (accessTokenTtl + SKEW_SECONDS) * 1_000) },
    onMessage (message) {
      try {
        const event = parseEvent(message.data) as CloudEvent<EventData<typeof sessionRevoked>>
        const fault = faultOf(sessionRevoked, event)
        if (fault) throw new Error(fault)
        revocations.revoke(event.data.sessionId, Date.parse(event.data.expiresAt))
      } catch (error) {
        log.error({ err: error, sequence: message.seq }, 'a revocation could not be read')
      }
    }
  })
  const ready = tail.caughtUp.then(() => {
    caughtUp = true
    revocations.markComplete()
  })
  if (registry) {
    const staleness = new Gauge({
      name: 'gatepost_revocations_stale_seconds',
      aggregator: 'max',
      help: 'Since the stream of revoked sessions was last known to be read to its end.',
      registers: [registry],
      collect: () => { staleness.set(tail.staleSeconds()) }
    })
  }
  const readyOrLate = Promise.race([ready, sleep(START_MS, undefined, { ref: false })])
  return { ready, readyOrLate, status: () => ({ caughtUp, staleSeconds: tail.staleSeconds() }), stop: tail.stop }
}
