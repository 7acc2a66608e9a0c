import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { upstreamUrls } from '@gatepost/testing/upstreams'
import { startChild } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { startBroker } from '@gatepost/testing/broker'
import { describeMachine, residentMegabytes } from '../lab/machine.ts'
import { ROOT } from '../lab/root.ts'
import { accessToken, createSigner, ISSUER, jwkOf, TOKEN_TTL } from '../gateway/tokens.ts'
import { startUpstream } from '../gateway/upstream.ts'
import { type Ground, onGround } from '../lab/ground.ts'
import { BODY_LIMIT, type Kind, kindsOf } from './requests.ts'

const SAMPLES = 10
const CALLERS = 24
const TOKENS = 500
/** The first fifth is start-up: code is compiled, caches and buffers reach their size. */
const WARM_UP = 2
/** Of the RSS after the start-up; more than the collector's own ups and downs would be a leak. */
const TOLERANCE = 0.1

interface Sample { requests: number, resident: number, heap: number, external: number }

/** Whether a gateway that serves all sorts of requests keeps its size. Throws when it does not. */
export const benchMemory = ({ requests }: { requests: number }) => onGround(async (ground) => {
  const signer = createSigner('EdDSA')
  const stranger = createSigner('EdDSA')
  const { port, opsPort, pid } = await startGateway(ground, { keys: [jwkOf(signer)] })
  const make = (by: typeof signer) => Array.from({ length: TOKENS }, (_, n) => accessToken(by, n))
  const { kinds, close } = kindsOf({ port, tokens: make(signer), forged: make(stranger) })
  ground.onEnd(close)

  const counts = new Map<string, number>(kinds.map(({ name }) => [name, 0]))
  const deck = shuffled(kinds.flatMap((kind) => Array<Kind>(kind.share).fill(kind)))
  const samples: Sample[] = []
  let begun = 0
  async function caller (until: number) {
    while (begun < until) {
      const n = begun++
      const kind = deck[n % deck.length]!
      const status = await kind.send(n)
      if (!kind.expected.includes(status)) throw new Error(`${kind.name} was answered ${status}`)
      counts.set(kind.name, counts.get(kind.name)! + 1)
    }
  }
  const started = performance.now()
  for (let i = 1; i <= SAMPLES; i++) {
    await Promise.all(Array.from({ length: CALLERS }, () => caller(requests * i / SAMPLES)))
    const sample = { requests: begun, resident: residentMegabytes(pid), ...await heapOf(opsPort) }
    samples.push(sample)
    console.log(`${sample.requests} requests · ${sample.resident.toFixed(1)} MB`)
  }
  const seconds = (performance.now() - started) / 1000

  const settled = samples.slice(WARM_UP)
  const half = settled.length / 2
  const growth = mean(settled.slice(half)) / mean(settled.slice(0, half)) - 1
  const text = `# Memory of the gateway

${describeMachine()}; ${requests} requests of ${CALLERS} callers in ${seconds.toFixed(0)} s: ${
      [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
    }.

| requests | RSS, MB | heap used, MB | outside of the heap, MB |
| ---: | ---: | ---: | ---: |
${
      samples.map(({ requests, resident, heap, external }) =>
        `| ${requests} | ${resident.toFixed(1)} | ${heap.toFixed(1)} | ${external.toFixed(1)} |`
      ).join('\n')
    }

From the first to the second half after the start-up, the mean RSS changed by ${(growth * 100).toFixed(1)} %.
`
  console.log(`\n${text}`)
  await writeFile(new URL('../../results/memory.md', import.meta.url), text)
  if (growth > TOLERANCE) throw new Error('the gateway grows')
})

async function startGateway (ground: Ground, jwks: object) {
  const [port, opsPort] = await freePorts(2) as [number, number]
  const upstream = await startUpstream(ground, jwks)
  const broker = await startBroker()
  ground.onEnd(() => broker.stop())
  const child = startChild(process.execPath, [join(ROOT, 'services/gateway/src/server.ts')], {
    name: 'gateway',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      GATEWAY_PORT: String(port),
      GATEWAY_OPS_PORT: String(opsPort),
      ...upstreamUrls(upstream.url),
      NATS_URL: broker.urlOf('gateway'),
      PUBLIC_URL: ISSUER,
      ACCESS_TOKEN_TTL: String(TOKEN_TTL),
      BODY_LIMIT: String(BODY_LIMIT),
      TRUSTED_PROXIES: '127.0.0.1',
      RATE_LIMIT_MAX: '100',
      USER_RATE_LIMIT_MAX: '1000000000'
    }
  })
  ground.onEnd(() => child.stop())
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`http://127.0.0.1:${port}/ready`).then(({ status }) => status === 200, () => false)
    if (ready) return { port, opsPort, pid: child.pid }
    if (tries > 600) throw new Error(`the gateway does not get ready\n${child.lastWords()}`)
    await sleep(100)
  }
}

async function heapOf (opsPort: number) {
  const metrics = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()
  const megabytes = (name: string) => Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)`, 'm').exec(metrics)?.[1]) / 2 ** 20
  return { heap: megabytes('nodejs_heap_size_used_bytes'), external: megabytes('nodejs_external_memory_bytes') }
}

function mean (samples: readonly Sample[]) {
  return samples.reduce((sum, { resident }) => sum + resident, 0) / samples.length
}

/** Seeded, so that each run has the same order. */
function shuffled<T> (items: T[]): T[] {
  let seed = 1
  for (let i = items.length - 1; i > 0; i--) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    const j = seed % (i + 1)
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
  return items
}
