import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freeSystemPorts } from '@gatepost/local-stack/ports'
import { type RunningSystem, startSystem } from '@gatepost/local-stack/system'
import { deploy } from '../../scripts/migrate/deploy.ts'
import { embeddedBroker } from '../../scripts/start/broker.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface WholeSystem {
  system: RunningSystem
  /** Of the gateway. */
  origin: string
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
  const system = await startSystem({
    root,
    dataDir,
    ports,
    env: {
      PATH: process.env.PATH,
      RATE_LIMIT_MAX: '100000',
      SENSITIVE_RATE_LIMIT_MAX: '100000',
      LOG_LEVEL: onOutput ? 'debug' : 'warn',
      ...env
    },
    onOutput,
    ...await embeddedBroker(dataDir),
    migrate: async (service, url) => { await deploy(service, url) }
  })
  return {
    system,
    origin: `http://127.0.0.1:${ports.gateway}`,
    async stop () {
      await system.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}
