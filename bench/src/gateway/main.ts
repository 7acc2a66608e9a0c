import { writeFile } from 'node:fs/promises'
import { UsageError } from '../../../scripts/command-line.ts'
import { type Ground, onGround } from '../lab/ground.ts'
import { isWanted } from '../lab/options.ts'
import { writeSection } from '../lab/section.ts'
import { chart } from './chart.ts'
import { costTable, measureCosts } from './costs.ts'
import type { Running } from './fleet.ts'
import { closedLoop, OPEN_LOOP_WARM_UP_MS, type Load, openLoop } from './load.ts'
import { cpuSeconds, describeMachine } from '../lab/machine.ts'
import { report, summary } from './report.ts'
import type { Options, Round, Row } from './rows.ts'
import { prepareStage } from './stage.ts'
import { FULL_GET, FULL_POST, IN_REDIS, NO_POLICY, type Workload, workloads } from './workloads.ts'

/**
 * The gateway beside its peers, in interleaved rounds, each of which has all workloads of a group: a slow minute is a
 * minute of all of them.
 */
export const benchGateway = (options: Options) => onGround(async (ground) => {
  if (!['all', 'short'].includes(options.set)) throw new UsageError(`--set is "all" or "short", not "${options.set}"`)
  const isShort = options.set === 'short'
  const wanted = workloads.filter(({ name }) => isWanted(name, options.only) && (!isShort || WITH_AIMS.has(name)))
  const { fleet } = await prepareStage(ground, { redis: wanted.some(({ mode }) => mode === 'redis') })
  /**
   * What each peer reached in a closed loop, which an open loop's rate is a share of: with the full GET, where that is
   * measured.
   */
  const most = new Map<string, number>()
  const rows: Row[] = []
  for (const group of Map.groupBy(wanted, ({ group }) => group).values()) {
    const turns: Turn[] = []
    for (const workload of group) {
      const able = (await fleet.inMode(workload.mode)).filter(({ name }) =>
        (workload.only?.test(name) ?? true) && (!isShort || IN_AIMS.test(name))
      )
      turns.push(...able.map((peer) => ({ workload, peer, rounds: [] })))
    }
    await measure(turns, { ground, most, ...options })
    rows.push(...turns.map(({ workload, peer, rounds }) => ({ workload: workload.name, peer: peer.name, rounds })))
  }
  const machine = describeMachine(['haproxy', '-v'], ['nginx', '-v'], ['wrk', '-v'])
  const costs = costTable(await measureCosts(wanted.filter(({ name }) => WITH_AIMS.has(name)), { ground, fleet }), rows)
  const text = report(rows, { ...options, machine })
  const ratios = summary(rows, { ...options, machine })
  console.log(`\n${text}\n${ratios}\n${costs}`)
  if (options.only) return console.log('a part of the workloads: docs/performance.md and bench/results stay')
  await writeSection('gateway', ratios)
  await writeSection('gateway costs', costs)
  if (isShort) return console.log('a short run: bench/results stays as it is')
  await writeFile(new URL('../../results/gateway.md', import.meta.url), text)
  await writeFile(new URL('../../results/gateway.svg', import.meta.url), chart(rows))
})

const WITH_AIMS = new Set([NO_POLICY, FULL_GET, FULL_POST, IN_REDIS])
const IN_AIMS = /^(?:HAProxy RS256|Gatepost|plain plugins|bare Node proxy)$/

/**
 * Before a group's rounds, each workload at each peer: much of what is new in its way is compiled until then, a POST's
 * in a process that has only answered GETs.
 */
const WARM_UP_SECONDS = 3

/**
 * Before each turn: meanwhile the processor's caches were others', and a process that was idle has some of its code
 * compiled anew.
 */
const LEAD_IN_SECONDS = 2

/** A peer's share of each round, and what it had in those that were. */
interface Turn {
  workload: Workload
  peer: Running
  rounds: Round[]
}

interface Measuring extends Options {
  ground: Ground
  most: Map<string, number>
}

/** Measures the rounds and adds them to their turns. */
async function measure (turns: Turn[], { ground, most, seconds, rounds }: Measuring): Promise<void> {
  const optionsOf = ({ mode }: Workload) => ({ ground, cores: mode === 'two processes' ? 2 : 1 })
  for (const { workload, peer } of turns) {
    const { requestsPerSecond } = await closedLoop(workload.load(peer, WARM_UP_SECONDS), optionsOf(workload))
    if (!most.has(peer.name) || workload.name === FULL_GET) most.set(peer.name, requestsPerSecond)
  }
  const run = (load: Load, { workload, peer }: Turn) =>
    workload.share
      ? openLoop(load, most.get(peer.name)! * workload.share, optionsOf(workload))
      : closedLoop(load, optionsOf(workload))

  async function measureOnce (turn: Turn): Promise<Round> {
    const { workload: { load: loadOf, share, refused }, peer } = turn
    await run(loadOf(peer, LEAD_IN_SECONDS), turn)
    const load = loadOf(peer, seconds)
    const cpu = cpuSeconds(peer.pid)
    const measured = await run(load, turn)
    const answers = measured.requestsPerSecond * (share ? seconds + OPEN_LOOP_WARM_UP_MS / 1000 : seconds)
    const cpuMicros = (cpuSeconds(peer.pid) - cpu) * 1e6 / answers
    const errors = refused
      ? Math.max(0, Math.round(measured.requestsPerSecond * seconds * 0.99) - measured.errors)
      : measured.errors
    return { ...measured, errors, cpuMicros }
  }

  for (let round = 1; round <= rounds; round++) {
    for (const turn of turns) {
      const measured = await measureOnce(turn)
      turn.rounds.push(measured)
      const [workload, peer] = [turn.workload.name, turn.peer.name]
      if (workload === FULL_GET) most.set(peer, Math.max(most.get(peer)!, measured.requestsPerSecond))
      console
        .log(`${round} of ${rounds} · ${workload} · ${peer} · ${Math.round(measured.requestsPerSecond)}/s · p99 ${
          measured.p99.toFixed(1)
        } ms · ${Math.round(measured.cpuMicros)} µs of CPU`)
    }
  }
}
