import { join } from 'node:path'
import { costOf, probed, type RequestCost, whyNoSystemCalls } from '@gatepost/testing/request-cost'
import type { Ground } from '../lab/ground.ts'
import type { createFleet } from './fleet.ts'
import type { Load } from './load.ts'
import { peers } from './peers.ts'
import { middle, type Row } from './rows.ts'
import type { Workload } from './workloads.ts'

export interface CostRow {
  workload: string
  peer: string
  cost: RequestCost
}

const COMPARED = /^(?:Gatepost|plain plugins|bare Node proxy)$/
const REQUESTS = 4_000

/**
 * What a request makes a peer do that does not depend on the machine's speed. Each has a process of its own for it,
 * since counting slows a process down.
 */
export async function measureCosts (
  workloads: readonly Workload[],
  { ground, fleet }: { ground: Ground, fleet: ReturnType<typeof createFleet> }
): Promise<CostRow[]> {
  const rows: CostRow[] = []
  const folder = await ground.folder()
  for (const [mode, group] of Map.groupBy(workloads, (workload) => workload.mode)) {
    for (const peer of peers.filter(({ name, modes }) => COMPARED.test(name) && modes.includes(mode))) {
      const socket = join(folder, `${mode}-${rows.length}`)
      const running = (await fleet.launch(peer, mode, probed(socket)))!
      for (const { name, load } of group) {
        const { url, method, headers, body }: Load = load(running, 1)
        const cost = await costOf({ pid: running.pid, socket }, { url, method, headers, body }, REQUESTS)
        rows.push({ workload: name, peer: peer.name, cost })
        console.log(`${name} · ${peer.name} · ${Math.round(cost.bytes)} bytes`)
      }
      await running.child!.stop(2000)
    }
  }
  return rows
}

/** The costs as a table, beside the CPU of the rows that were measured for speed. */
export function costTable (costs: readonly CostRow[], rows: readonly Row[]): string {
  const line = ({ workload, peer, cost }: CostRow) => {
    const row = rows.find((row) => row.workload === workload && row.peer === peer)
    const figures = [cost.promises, cost.microtasks, cost.ticks, cost.systemCalls].map((figure) =>
      Number.isNaN(figure) ? '–' : figure.toFixed(1)
    )
    const cpu = row === undefined ? '–' : Math.round(middle(row, 'cpuMicros'))
    return `| ${[workload, peer, (cost.bytes / 1000).toFixed(1), ...figures, cpu].join(' | ')} |`
  }
  const why = whyNoSystemCalls()
  return `One request, on average of ${REQUESTS} over 16 connections${why ? `; no system calls: ${why}` : ''}:

| workload | peer | KB allocated | promises | microtasks | ticks | system calls | CPU µs |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
${costs.map(line).join('\n')}`
}
