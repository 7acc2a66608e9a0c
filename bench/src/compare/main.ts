import { onGround } from '../lab/ground.ts'
import type { Running } from '../gateway/fleet.ts'
import { closedLoop } from '../gateway/load.ts'
import { cpuSeconds, describeMachine } from '../lab/machine.ts'
import { gatepostOf } from '../gateway/peers.ts'
import { ROOT } from '../lab/root.ts'
import { median } from '../lab/statistics.ts'
import { prepareStage } from '../gateway/stage.ts'
import { workloads } from '../gateway/workloads.ts'
import { isWanted } from '../lab/options.ts'
import { judge } from './verdict.ts'
import { checkOut } from './worktree.ts'

export interface Options {
  commit: string
  /** Fresh processes of each side. */
  pairs: number
  rounds: number
  seconds: number
  /** Percent that a workload may become slower. */
  threshold: number
  only: string
}

/** Workloads that a change is likely to slow down and that are quick to measure. */
const GUARDED = /^(GET, full policy, 64|GET, full policy, every token new|POST|a forged|forged)/

/**
 * The gateway as it is here beside the one of a commit, in turns on the same core; the exit code is 1 when it has
 * become slower. Two processes of one code may differ by a seventh for as long as they live, so each pair of processes
 * counts once, whatever its rounds.
 */
export const benchCompare = ({ commit, pairs, rounds, seconds, threshold, only }: Options) =>
  onGround(async (ground) => {
    const { tree, title } = await checkOut(ground, ROOT, commit)
    const { fleet } = await prepareStage(ground)
    const guarded = workloads.filter(({ name }) => GUARDED.test(name) && isWanted(name, only)).map((workload) => ({
      ...workload,
      rates: [] as number[],
      cpus: [] as number[]
    }))
    for (let pair = 0; pair < pairs; pair++) {
      const here = (await fleet.launch(gatepostOf(ROOT, 'here'), 'full'))!
      const there = (await fleet.launch(gatepostOf(tree, 'there'), 'full'))!
      const inTurns = (turn: number) => turn % 2 === 0 ? [here, there] : [there, here]
      for (const { load, rates, cpus } of guarded) {
        for (const peer of inTurns(pair)) await closedLoop(load(peer, 2), { ground, cores: 1 })
        const [rateRatios, cpuRatios]: [number[], number[]] = [[], []]
        for (let round = 0; round < rounds; round++) {
          const measured = new Map<Running, { rate: number, cpu: number }>()
          for (const peer of inTurns(pair + round)) {
            const before = cpuSeconds(peer.pid)
            const { requestsPerSecond: rate } = await closedLoop(load(peer, seconds), { ground, cores: 1 })
            measured.set(peer, { rate, cpu: (cpuSeconds(peer.pid) - before) / rate })
          }
          rateRatios.push(measured.get(here)!.rate / measured.get(there)!.rate)
          cpuRatios.push(measured.get(here)!.cpu / measured.get(there)!.cpu)
        }
        rates.push(median(rateRatios))
        cpus.push(median(cpuRatios))
      }
      await Promise.all([here, there].map(({ child }) => child?.stop(2000)))
      console.log(`pair ${pair + 1} of ${pairs}: ${guarded.map(({ rates }) => rates.at(-1)!.toFixed(2)).join(', ')}`)
    }
    const verdicts = guarded.map(({ rates }) => judge(rates, threshold / 100))
    const rows = guarded.map(({ name, rates, cpus }, index) =>
      `| ${
        [name, median(rates).toFixed(3), rangeOf(rates), median(cpus).toFixed(3), verdicts[index]].join(' | ')
      } |`
    )
    console.log(`\nThis tree beside ${title}

${describeMachine()}; ${pairs} pairs of processes, ${rounds} rounds of ${seconds} s in turns with each.

| workload | requests/s ÷ theirs | range | CPU per request ÷ theirs | verdict |
| --- | ---: | ---: | ---: | --- |
${rows.join('\n')}`)
    if (verdicts.includes('slower')) process.exitCode = 1
  })

const rangeOf = (values: number[]) => `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`
