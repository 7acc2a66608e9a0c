import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceName } from '@gatepost/contracts/service-name'
import type { Child } from '@gatepost/local-stack/child'
import { freePorts, freeSystemPorts } from '@gatepost/local-stack/ports'
import { startService, waitUntilReady } from '@gatepost/local-stack/services'
import { type RunningSystem, startSystem } from '@gatepost/local-stack/system'
import { deploy } from '../../scripts/migrate/deploy.ts'
import { embeddedBroker } from '../../scripts/start/broker.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface WholeSystem {
  system: RunningSystem
  /** Of the gateway. */
  origin: string
  /** The folder of its state. */
  dataDir: string
  /** Brings stream and consumers to what the contracts say, as a start does. */
  provision (): Promise<void>
  /** Starts another process of a service, which the gateway does not know; resolves once it is ready. */
  startReplica (service: ServiceName): Promise<Child>
  /** Everything ends, and its data is gone. */
  stop (): Promise<void>
}

/**
 * All that `pnpm start` runs, on free ports and in a folder of its own, so that each part of it may be broken; nobody
 * is limited.
 */
export async function startWholeSystem (
  onOutput?: (name: string, text: string) => void,
  env: Record<string, string> = {}
): Promise<WholeSystem> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gatepost-chaos-'))
  await chmod(dataDir, 0o711)
  const ports = await freeSystemPorts()
  const settings = {
    PATH: process.env.PATH,
    RATE_LIMIT_MAX: '100000',
    SENSITIVE_RATE_LIMIT_MAX: '100000',
    LOG_LEVEL: onOutput ? 'debug' : 'warn',
    ...env
  }
  const embedded = await embeddedBroker(dataDir)
  const system = await startSystem({
    root,
    dataDir,
    ports,
    env: settings,
    onOutput,
    ...embedded,
    migrate: async (service, url) => { await deploy(service, url) }
  })
  return {
    system,
    origin: `http://127.0.0.1:${ports.gateway}`,
    dataDir,
    provision: () => embedded.provision(system.brokerUrl('provisioner')),
    async startReplica (service) {
      const [port, ops] = await freePorts(2) as [number, number]
      const child = startService({
        service,
        root,
        ports: { ...ports, [service]: port, [`${service}Ops`]: ops },
        env: settings,
        settings: {
          databaseUrl: system.databaseUrl(service),
          natsUrl: system.brokerUrl(service),
          tokenSecret: '',
          dataDir
        },
        onOutput
      })
      await waitUntilReady(service, port)
      return child
    },
    async stop () {
      await system.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}
