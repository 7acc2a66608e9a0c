import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '@gatepost/testing/random'
import { commit } from './faults.ts'
import { createLedger } from './ledger.ts'
import { startClient } from './load.ts'
import { createProbe } from './probe.ts'
import { settledAudit } from './settled-audit.ts'
import { watchDatabases } from './soak-watch.ts'
import { startWholeSystem } from './whole-system.ts'
import { brokenPromises, readStream } from './witness.ts'

export interface SoakReport {
  answered: number
  unknown: number
  events: number
  /** Rows of the larger outbox, at most and at the end. */
  outbox: { most: number, last: number }
  /** Connections of the services, at most and at the end. */
  backends: { most: number, last: number }
  /** Empty when every promise was kept. */
  broken: string[]
}

const CLIENTS = 6
const OUTAGE_MS = 5_000
/** A pruning every ten seconds, and what a loaded machine adds. */
const EMPTY_WITHIN_MS = 40_000
/** Tokens, sessions and keys live and end many times within the run. */
const SHORT_LIVES = { ACCESS_TOKEN_TTL: '15', REFRESH_IDLE_TTL: '30', KEY_ROTATION_INTERVAL: '120' }

export interface SoakOptions {
  seed: number
  /** Of load. */
  seconds: number
  say: (line: string) => void
  /** The output of each process. */
  onOutput?: (name: string, text: string) => void
}

/**
 * An hour of mixed load in minutes: lives of tokens are short, and rows of the outboxes age a week in some seconds. In
 * the middle NATS is away while a backlog grows. Nothing may be stuck or grow, and everything agrees in the end.
 */
export async function runSoak ({ seed, seconds, say, onOutput }: SoakOptions): Promise<SoakReport> {
  const whole = await startWholeSystem(onOutput, SHORT_LIVES)
  const { system, origin, stop } = whole
  const watch = await watchDatabases(system, say)
  try {
    const ledger = createLedger()
    const probe = createProbe(origin, ledger, String(seed))
    await probe.register()
    const clients = Array.from({ length: CLIENTS }, (_, at) => {
      return startClient(origin, createRandom(seed + at + 1), ledger, `${seed}.${at}`)
    })
    const deadline = performance.now() + seconds * 1_000
    let outageAt = performance.now() + seconds * 500
    while (performance.now() < deadline) {
      await probe.works()
      if (performance.now() < outageAt) continue
      outageAt = Infinity
      say((await commit({ victim: 'nats-server', kind: 'kill', milliseconds: OUTAGE_MS }, whole)).text)
    }
    await Promise.all(clients.map((client) => client.stop()))
    const broken = await settledAudit(system)
    const stream = await readStream(system.natsUrl, async () => true)
    broken.push(...brokenPromises(stream, ledger))
    const emptyBy = performance.now() + EMPTY_WITHIN_MS
    while (watch.outbox().last > 0 && performance.now() < emptyBy) await sleep(500)
    const { last } = watch.outbox()
    if (last > 0) broken.push(`outbox: ${last} rows are left, and all are published and old`)
    broken.push(...watch.broken(), ...await watch.stuckNow())
    const { answered, unknown } = ledger
    return { answered, unknown, events: stream.length, outbox: watch.outbox(), backends: watch.backends(), broken }
  } finally {
    await watch.stop()
    await stop()
  }
}
