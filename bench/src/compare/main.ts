import { onGround } from '../ground.ts'
import { closedLoop } from '../gateway/load.ts'
import { cpuSeconds, describeMachine } from '../gateway/machine.ts'
import { gatepostOf, ROOT } from '../gateway/peers.ts'
import { median } from '../gateway/report.ts'
import { prepareStage } from '../gateway/stage.ts'
import { workloads } from '../gateway/workloads.ts'
import { isWanted } from '../options.ts'
import { judge, type Verdict } from './verdict.ts'
import { checkOut } from './worktree.ts'

export interface Options {
  commit: string
  rounds: number
  seconds: number
  /** Percent that a workload may become slower. */
  threshold: number
  only: string
}

/** What a change is likely to make slower, and quickly measured. */
const GUARDED = /^(GET, full policy, 64|GET, full policy, every token new|POST|a forged|forged)/

/** The gateway as it is here beside the one of a commit, in turns on the same core; the exit code is 1 when it has become slower. */
export const benchCompare = ({ commit, rounds, seconds, threshold, only }: Options) => onGround(async (ground) => {
  const { tree, title } = await checkOut(ground, ROOT, commit)
  const { fleet } = await prepareStage(ground)
  const here = (await fleet.launch(gatepostOf(ROOT, 'here'), 'full'))!
  const there = (await fleet.launch(gatepostOf(tree, 'there'), 'full'))!
  const rows: string[] = []
  const verdicts: Verdict[] = []
  for (const { name, load } of workloads.filter(({ name }) => GUARDED.test(name) && isWanted(name, only))) {
    const ratios: number[] = []
    const cpuRatios: number[] = []
    for (const peer of [here, there]) await closedLoop(load(peer, 3), { ground, cores: 1 })
    for (let round = 0; round < rounds; round++) {
      const rates = new Map<string, { rate: number, cpu: number }>()
      for (const peer of round % 2 === 0 ? [here, there] : [there, here]) {
        const before = cpuSeconds(peer.pid)
        const { requestsPerSecond: rate } = await closedLoop(load(peer, seconds), { ground, cores: 1 })
        rates.set(peer.name, { rate, cpu: (cpuSeconds(peer.pid) - before) / rate })
      }
      ratios.push(rates.get('here')!.rate / rates.get('there')!.rate)
      cpuRatios.push(rates.get('here')!.cpu / rates.get('there')!.cpu)
    }
    const verdict = judge(ratios, threshold / 100)
    verdicts.push(verdict)
    rows.push(`| ${name} | ${median(ratios).toFixed(3)} | ${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)} | ${median(cpuRatios).toFixed(3)} | ${verdict} |`)
    console.log(rows.at(-1))
  }
  console.log(`\nThis tree beside ${title}\n\n${describeMachine()}; ${rounds} rounds of ${seconds} s in turns.\n
| workload | requests/s ÷ theirs | range | CPU per request ÷ theirs | verdict |\n| --- | ---: | ---: | ---: | --- |\n${rows.join('\n')}`)
  if (verdicts.includes('slower')) process.exitCode = 1
})
