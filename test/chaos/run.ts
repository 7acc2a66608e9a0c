import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '@gatepost/testing/random'
import { commit, faultsOf, type Fault } from './faults.ts'
import { createLedger } from './ledger.ts'
import { startClient } from './load.ts'
import { createProbe } from './probe.ts'
import { settledAudit } from './settled-audit.ts'
import { startWholeSystem } from './whole-system.ts'
import { brokenPromises, readStream } from './witness.ts'

export interface ChaosOptions {
  seed: number
  rounds: number
  say?: (line: string) => void
  /** The output of each process. */
  onOutput?: (name: string, text: string) => void
}

export interface ChaosReport {
  seed: number
  /** The faults, in order. */
  faults: string[]
  /**
   * From the end of a fault (a killed process is started again) until a login, a post and its way to the feed succeed.
   */
  recoveries: { fault: Fault, milliseconds: number }[]
  answered: number
  unknown: number
  events: number
  /** Empty when every promise was kept. */
  broken: string[]
}

const CLIENTS = 4
/** So often is a fault given time to heal, in percent; else the next one comes on top of it. */
const HEALED = 75

/**
 * Breaks one thing after another under load, then lets everything come to rest and holds it against the answers to
 * clients.
 */
export async function runChaos ({ seed, rounds, say = () => {}, onOutput }: ChaosOptions): Promise<ChaosReport> {
  const whole = await startWholeSystem(onOutput)
  const { system, origin, stop } = whole
  try {
    const ledger = createLedger()
    const faults: string[] = []
    const recoveries: ChaosReport['recoveries'] = []
    const probe = createProbe(origin, ledger, String(seed))
    await probe.register()
    const clients = Array.from(
      { length: CLIENTS },
      (_, at) => startClient(origin, createRandom(seed + at + 1), ledger, `${seed}.${at}`)
    )
    const random = createRandom(seed)
    const deck = faultsOf(random)
    for (let round = 1; round <= rounds; round++) {
      await sleep(300 + random.below(1_000))
      const fault = deck.next().value
      const { text, overAt } = await commit(fault, whole)
      faults.push(text)
      let healing = ''
      if (random.below(100) < HEALED) {
        const { loggedInAt, postedAt, seenAt } = await probe.works()
        const [login, post, feed] = [loggedInAt, postedAt, seenAt].map((at) => Math.round(at - overAt))
        recoveries.push({ fault, milliseconds: feed! })
        healing = `; after ${login} ms a login, after ${post} ms a post, after ${feed} ms in the feed`
      }
      say(`${round}/${rounds}  ${text}${healing}; ${ledger.answered} calls answered`)
    }
    await sleep(1_000)
    await Promise.all(clients.map((client) => client.stop()))
    const audit = await settledAudit(system)
    const stream = await readStream(system.natsUrl, async () => true)
    const broken = [...audit, ...brokenPromises(stream, ledger)]
    return {
      seed,
      faults,
      recoveries,
      answered: ledger.answered,
      unknown: ledger.unknown,
      events: stream.length,
      broken
    }
  } finally {
    await stop()
  }
}
