import type { Ground } from '../lab/ground.ts'
import { OPEN_LOOP_WARM_UP_MS, openLoop } from '../gateway/load.ts'
import { residentMegabytes } from '../lab/machine.ts'
import { gatepostOf } from '../gateway/peers.ts'
import { ROOT } from '../lab/root.ts'
import { prepareStage } from '../gateway/stage.ts'
import { FULL_GET, workloads } from '../gateway/workloads.ts'
import { createSeries } from './series.ts'

const SIZES = [10, 100, 1_000, 5_000]
const RATE = 1_000
const SECONDS = 5

/** The same rate of requests over ever more open connections, each of which is used in turn. */
export async function measureConnections (ground: Ground, most: number) {
  const { fleet } = await prepareStage(ground)
  const gateway = (await fleet.launch(gatepostOf(ROOT), 'full'))!
  const latency = createSeries(`gateway, ${RATE} requests/s over so many open connections`, 'ms')
  const memory = createSeries('gateway, so many open connections', 'MB', /./)
  const { load } = workloads.find(({ name }) => name === FULL_GET)!
  // compiles its hot code
  await openLoop({ ...load(gateway, SECONDS), connections: 10 }, RATE, { ground, cores: 1 })
  for (const connections of SIZES.filter((size) => size <= most)) {
    const warmUpMs = OPEN_LOOP_WARM_UP_MS + connections / RATE * 1000 // each has served a request before any counts
    const { p50, p99, errors } = await openLoop({ ...load(gateway, SECONDS), connections }, RATE, {
      ground,
      cores: 1,
      warmUpMs
    })
    if (errors > 0) throw new Error(`${errors} errors over ${connections} connections`)
    latency.sizes.push(connections)
    memory.sizes.push(connections)
    latency.add('p50', p50)
    latency.add('p99', p99)
    memory.add('resident', residentMegabytes(gateway.pid))
  }
  return [latency, memory]
}
