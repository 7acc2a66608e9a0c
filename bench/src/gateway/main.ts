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
  for (const workload of wanted) {
    const all = await fleet.inMode(workload.mode)
    const rateOf = (peer: string) => {
      const row = rows.find((row) => row.workload === FULL_GET && row.peer === peer)
      return row && middle(row, 'requestsPerSecond')
    }
    rows.push(...await measure({ ground, calm, workload, options, peers: all.filter(({ name }) => workload.only?.test(name) ?? true), rateOf }))
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

interface Measuring {
  ground: Ground
  calm: Calm
  workload: Workload
  peers: Running[]
  options: Options
  rateOf: (peer: string) => number | undefined
}

async function measure ({ ground, calm, workload, peers, options: { seconds, rounds }, rateOf }: Measuring): Promise<Row[]> {
  const options = { ground, cores: workload.mode === 'two processes' ? 2 : 1 }
  const samples = new Map<string, Round[]>(peers.map(({ name }) => [name, []]))
  const most = new Map<string, number>()
  for (const peer of peers) {
    const { requestsPerSecond } = await closedLoop(workload.load(peer, WARM_UP_SECONDS), options)
    most.set(peer.name, rateOf(peer.name) ?? requestsPerSecond)
  }
  const { share } = workload
  const run = (load: Load, peer: Running) => share ? openLoop(load, most.get(peer.name)! * share, options) : closedLoop(load, options)

  async function measureOnce (peer: Running): Promise<Round> {
    await run(workload.load(peer, LEAD_IN_SECONDS), peer)
    const load = workload.load(peer, seconds)
    const cpu = cpuSeconds(peer.pid)
    const measured = await run(load, peer)
    const answers = measured.requestsPerSecond * (share ? seconds + OPEN_LOOP_WARM_UP_MS / 1000 : seconds)
    const cpuMicros = (cpuSeconds(peer.pid) - cpu) * 1e6 / answers
    const errors = workload.refused ? Math.max(0, Math.round(measured.requestsPerSecond * seconds * 0.99) - measured.errors) : measured.errors
    return { ...measured, errors, cpuMicros, calm: await calm.now() }
  }

  let patienceMs = PATIENCE_SECONDS * 1000
  /** What is done only for the sake of a calm machine. */
  async function patiently<Result> (work: () => Promise<Result>): Promise<Result> {
    const began = performance.now()
    const result = await work()
    patienceMs -= performance.now() - began
    return result
  }
  const waitForCalm = () => calm.until(performance.now() + patienceMs)
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      await patiently(waitForCalm)
      let measured = await measureOnce(peer)
      while (!measured.calm && patienceMs > 0) measured = await patiently(() => waitForCalm().then(() => measureOnce(peer)))
      samples.get(peer.name)!.push(measured)
      console.log(`${workload.name} · ${peer.name} · ${Math.round(measured.requestsPerSecond)}/s · p99 ${measured.p99.toFixed(1)} ms${measured.calm ? '' : ' · disturbed'}`)
    }
  }
  return [...samples].map(([peer, rounds]) => ({ workload: workload.name, peer, rounds }))
}
