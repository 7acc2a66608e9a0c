import { writeFile } from 'node:fs/promises'
import { type Ground, onGround } from '../ground.ts'
import { isWanted } from '../options.ts'
import { writeSection } from '../section.ts'
import { type Calm, watchCalm } from './calm.ts'
import { chart } from './chart.ts'
import type { Running } from './fleet.ts'
import { closedLoop, OPEN_LOOP_WARM_UP_MS, type Load, type Measured, openLoop } from './load.ts'
import { cpuSeconds, describeMachine } from './machine.ts'
import { middle, report, summary } from './report.ts'
import { prepareStage } from './stage.ts'
import { FULL_GET, type Workload, workloads } from './workloads.ts'

export interface Options {
  seconds: number
  rounds: number
  /** A regular expression for workloads' names; all of them when empty. */
  only: string
}

export interface Round extends Measured {
  /** Microseconds of the peer's CPU for one request. */
  cpuMicros: number
  /** Whether the machine was found {@link Calm} at its end. */
  calm: boolean
}

export interface Row {
  workload: string
  peer: string
  rounds: Round[]
}

/** The gateway beside its peers, in interleaved rounds, so that a slow minute of the machine is slow for all. */
export const benchGateway = (options: Options) => onGround(async (ground) => {
  const wanted = workloads.filter(({ name }) => isWanted(name, options.only))
  const { fleet } = await prepareStage(ground, { redis: wanted.some(({ mode }) => mode === 'redis') })
  const calm = await watchCalm(ground)
  const rows: Row[] = []
  for (const group of Map.groupBy(wanted, ({ name, mode, group = name }) => `${mode} ${group}`).values()) {
    const all = await fleet.inMode(group[0]!.mode)
    const rateOf = (peer: string) => {
      const row = rows.find((row) => row.workload === FULL_GET && row.peer === peer)
      return row && middle(row, 'requestsPerSecond')
    }
    const turns = group.flatMap((workload) => all.filter(({ name }) => workload.only?.test(name) ?? true).map((peer) => ({ workload, peer })))
    rows.push(...await measure({ ground, calm, turns, options, rateOf, patienceMs: PATIENCE_SECONDS * 1000 * group.length }))
  }
  const machine = describeMachine(['haproxy', '-v'], ['nginx', '-v'], ['wrk', '-v'])
  const text = report(rows, { ...options, machine })
  console.log(`\n${text}`)
  if (options.only) return console.log('a part of the workloads: bench/results stays as it is')
  await writeFile(new URL('../../results/gateway.md', import.meta.url), text)
  await writeFile(new URL('../../results/gateway.svg', import.meta.url), chart(rows))
  await writeSection('gateway', summary(rows, machine))
})

/** Before each workload: until then what is new in its way is compiled, a POST's in a process that has only answered GETs. A gateway that runs has it compiled. */
const WARM_UP_SECONDS = 5

/** Before each round: while the others had their turns, the processor's caches became theirs. */
const LEAD_IN_SECONDS = 1

/** So long the rounds of a workload wait for a calm machine, or are repeated for one, in all. */
const PATIENCE_SECONDS = 40

/** A peer's share of each round. */
interface Turn {
  workload: Workload
  peer: Running
}

interface Measuring {
  ground: Ground
  calm: Calm
  turns: Turn[]
  options: Options
  rateOf: (peer: string) => number | undefined
  patienceMs: number
}

async function measure ({ ground, calm, turns, options: { seconds, rounds }, rateOf, patienceMs }: Measuring): Promise<Row[]> {
  const optionsOf = ({ mode }: Workload) => ({ ground, cores: mode === 'two processes' ? 2 : 1 })
  /** What an open loop's rate is a share of. */
  const most = new Map<string, number>()
  for (const { workload, peer } of turns) {
    const { requestsPerSecond } = await closedLoop(workload.load(peer, WARM_UP_SECONDS), optionsOf(workload))
    if (!most.has(peer.name)) most.set(peer.name, rateOf(peer.name) ?? requestsPerSecond)
  }
  const run = (load: Load, { workload, peer }: Turn) =>
    workload.share ? openLoop(load, most.get(peer.name)! * workload.share, optionsOf(workload)) : closedLoop(load, optionsOf(workload))

  async function measureOnce (turn: Turn): Promise<Round> {
    const { workload: { load: loadOf, share, refused }, peer } = turn
    await run(loadOf(peer, LEAD_IN_SECONDS), turn)
    const load = loadOf(peer, seconds)
    const cpu = cpuSeconds(peer.pid)
    const measured = await run(load, turn)
    const answers = measured.requestsPerSecond * (share ? seconds + OPEN_LOOP_WARM_UP_MS / 1000 : seconds)
    const cpuMicros = (cpuSeconds(peer.pid) - cpu) * 1e6 / answers
    const errors = refused ? Math.max(0, Math.round(measured.requestsPerSecond * seconds * 0.99) - measured.errors) : measured.errors
    return { ...measured, errors, cpuMicros, calm: await calm.now() }
  }

  /** What is done only for the sake of a calm machine. */
  async function patiently<Result> (work: () => Promise<Result>): Promise<Result> {
    const began = performance.now()
    const result = await work()
    patienceMs -= performance.now() - began
    return result
  }
  const waitForCalm = () => calm.until(performance.now() + patienceMs)
  const rows = turns.map(({ workload, peer }): Row => ({ workload: workload.name, peer: peer.name, rounds: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const [at, turn] of turns.entries()) {
      await patiently(waitForCalm)
      let measured = await measureOnce(turn)
      while (!measured.calm && patienceMs > 0) measured = await patiently(() => waitForCalm().then(() => measureOnce(turn)))
      const { workload, peer, rounds } = rows[at]!
      rounds.push(measured)
      console.log(`${workload} · ${peer} · ${Math.round(measured.requestsPerSecond)}/s · p99 ${measured.p99.toFixed(1)} ms · ${Math.round(measured.cpuMicros)} µs of CPU${measured.calm ? '' : ' · disturbed'}`)
    }
  }
  return rows
}
