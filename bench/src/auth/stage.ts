import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { freePorts, freeSystemPorts } from '@gatepost/local-stack/ports'
import { startService, waitUntilReady } from '@gatepost/local-stack/services'
import { startSystem } from '@gatepost/local-stack/system'
import { deploy } from '../../../scripts/migrate/deploy.ts'
import { embeddedBroker } from '../../../scripts/start/broker.ts'
import { coresFor, cpuSeconds, moveThreads, processesOf } from '../lab/machine.ts'
import type { Ground } from '../lab/ground.ts'

const TOKEN_SECRET = 'a secret of a measurement, of no worth to anybody'

export interface Stage {
  gateways: [string, string]
  auths: [string, string]
  posts: string
  /** Seconds of CPU used so far, by kind of process. */
  cpu (): { auth: number, gateway: number, PostgreSQL: number }
  /**
   * Leaves the first core to the threads that hash, of auth and of this process, and everything else to the others,
   * until what it returns is called.
   */
  hashApart (): () => void
}

/** Node's worker threads run password hashes; Node starts all of them at the first hash. */
const HASHING_THREADS = 'libuv-worker'

/**
 * The whole system with a second auth and a second gateway; both gateways share the logins out to both. Nothing is off
 * but the rate limits, which would refuse.
 */
export async function startStage (ground: Ground): Promise<Stage> {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const dataDir = await ground.folder()
  const ports = await freeSystemPorts()
  const [auth, authOps, gateway, gatewayOps] = await freePorts(4) as [number, number, number, number]
  const others = { ...ports, auth, authOps, gateway, gatewayOps }
  const url = (port: number) => `http://127.0.0.1:${port}`
  const env = {
    PATH: process.env.PATH,
    TOKEN_SECRET,
    PUBLIC_URL: url(ports.gateway),
    RATE_LIMIT_MAX: '1000000000',
    SENSITIVE_RATE_LIMIT_MAX: '1000000000',
    USER_RATE_LIMIT_MAX: '1000000000',
    HASH_CONCURRENCY: String(Math.max(1, Math.floor(availableParallelism() / 2))), // two processes share the cores
    LOG_LEVEL: 'info'
  }
  const authUrl = `${url(ports.auth)},${url(others.auth)}`
  const system = await startSystem({
    root,
    dataDir,
    ports,
    env: { ...env, AUTH_URL: authUrl },
    ...await embeddedBroker(dataDir),
    migrate: async (service, owner) => {
      await deploy(service, owner)
    },
    onOutput: () => {}
  })
  ground.onEnd(() => system.stop())
  const pids: Record<'auth' | 'gateway', number[]> = {
    auth: [system.children.get('auth')!.pid],
    gateway: [system.children.get('gateway')!.pid]
  }
  for (const service of ['auth', 'gateway'] as const) {
    const settings = {
      databaseUrl: service === 'auth' ? system.databaseUrl('auth') : undefined,
      natsUrl: system.brokerUrl(service),
      tokenSecret: TOKEN_SECRET,
      dataDir
    }
    const child = startService({
      service,
      root,
      ports: others,
      env: { ...env, AUTH_URL: authUrl },
      settings,
      onOutput: () => {}
    })
    ground.onEnd(() => child.stop())
    pids[service].push(child.pid)
    await waitUntilReady(service, others[service])
  }
  const used = (groups: number[]) => groups.reduce((sum, group) => sum + cpuSeconds(group), 0)
  const cpu = () => ({
    auth: used(pids.auth),
    gateway: used(pids.gateway),
    PostgreSQL: cpuSeconds(system.children.get('PostgreSQL')!.pid)
  })
  const hashApart = () => {
    const { measured, rest } = coresFor(1)
    const moveAll = (cores: number[]) => { for (const pid of processesOf(process.pid)) moveThreads(pid, cores) }
    moveAll(rest)
    for (const pid of [process.pid, ...pids.auth.flatMap(processesOf)]) moveThreads(pid, measured, HASHING_THREADS)
    return () => moveAll([...measured, ...rest])
  }
  return {
    gateways: [url(ports.gateway), url(others.gateway)],
    auths: [url(ports.auth), url(others.auth)],
    posts: url(ports.posts),
    cpu,
    hashApart
  }
}
