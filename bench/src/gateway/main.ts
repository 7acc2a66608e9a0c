import { writeFile } from 'node:fs/promises'
import { startBroker } from '@gatepost/testing/broker'
import { isWanted } from '../options.ts'
import { chart } from './chart.ts'
import { load, type Measured } from './load.ts'
import { cpuSeconds, describeMachine } from './machine.ts'
import { type Peer, startPeers } from './peers.ts'
import { median, table } from './report.ts'
import { accessToken, createSigner, jwkOf } from './tokens.ts'
import { POST_PATH, startUpstream } from './upstream.ts'
import { type Workload, workloads } from './workloads.ts'

export interface Options {
  seconds: number
  rounds: number
  /** Only workloads whose name contains one of these texts, separated by commas. */
  only: string
}

export interface Row extends Measured {
  workload: string
  peer: string
  /** Microseconds of the peer's CPU for one request. */
  cpuMicros: number
}

/** The gateway beside its peers, in interleaved rounds, so that a slow minute of the machine is slow for all. */
export async function benchGateway ({ seconds, rounds, only }: Options) {
  const signers = { EdDSA: createSigner('EdDSA'), RS256: createSigner('RS256'), ES256: createSigner('ES256') }
  const upstream = await startUpstream({ keys: [jwkOf(signers.EdDSA)] })
  const broker = await startBroker()
  const peers = await startPeers({ upstream: upstream.url, natsUrl: broker.urlOf('gateway'), signers })
  try {
    for (const peer of peers) await conform(peer)
    const rows: Row[] = []
    for (const workload of workloads.filter(({ name }) => isWanted(name, only))) rows.push(...await measure(workload, peers, seconds, rounds))
    const text = `# Gateway beside its peers\n\n${describeMachine()}; each peer on one core, load and upstream on the other; medians of ${rounds} interleaved rounds of ${seconds} s.\n\n${table(rows)}\n`
    await writeFile(new URL('../../results/gateway.md', import.meta.url), text)
    await writeFile(new URL('../../results/gateway.svg', import.meta.url), chart(rows))
    console.log(`\n${text}`)
  } finally {
    await Promise.all(peers.map(({ child }) => child.stop(2000)))
    await upstream.stop()
    await broker.stop()
  }
}

/** A peer that forwards a forged token is no peer. */
async function conform ({ name, url, signer, child }: Peer) {
  const status = async (token: string) => (await fetch(url + POST_PATH, { headers: { authorization: `Bearer ${token}` } })).status
  const good = accessToken(signer)
  for (let tries = 0; await status(good) === 503 && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 100))
  const answers = [await status(good), await status(accessToken(createSigner(signer.alg))), await status('x')]
  if (answers.join() !== '200,401,401') throw new Error(`${name} answered ${answers.join()} to a good, a forged and no token; it should be 200,401,401\n${child.lastWords()}`)
}

async function measure (workload: Workload, peers: Peer[], seconds: number, rounds: number): Promise<Row[]> {
  const samples = new Map<string, Array<Measured & { cpuMicros: number }>>(peers.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const peer of peers) {
      const before = cpuSeconds(peer.child.pid)
      const measured = await load(workload.load(peer, round === 0 ? 1 : seconds)) // the first round warms up
      if (round === 0) continue
      const cpuMicros = (cpuSeconds(peer.child.pid) - before) * 1e6 / (measured.requestsPerSecond * seconds)
      samples.get(peer.name)!.push({ ...measured, errors: workload.refused ? 0 : measured.errors, cpuMicros })
      console.log(`${workload.name} · ${peer.name} · ${Math.round(measured.requestsPerSecond)}/s`)
    }
  }
  return [...samples].map(([peer, all]) => ({
    workload: workload.name,
    peer,
    requestsPerSecond: median(all.map((one) => one.requestsPerSecond)),
    p50: median(all.map((one) => one.p50)),
    p99: median(all.map((one) => one.p99)),
    errors: all.reduce((sum, one) => sum + one.errors, 0),
    cpuMicros: median(all.map((one) => one.cpuMicros))
  }))
}
