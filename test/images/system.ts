import { execFileSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Engine, root } from './engine.ts'
import { freePorts } from '@gatepost/local-stack/ports'

const PROJECT = 'gatepost-images-test'
const PATIENCE_MS = 120_000
const POLL_MS = 250

export interface Container {
  id: string
  service: string
  user: string
  readOnly: boolean
  options: string[]
  memory: number
  pid: number
  isHealthy: boolean
  exitCode: number
}

export type System = Awaited<ReturnType<typeof composeSystem>>

/** The Compose file as it is, as a project of its own with secrets of its own. */
export async function composeSystem (engine: Engine) {
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-images-'))
  const file = join(folder, 'env')
  execFileSync('sh', [join(root, 'deploy/create-env.sh'), file])
  const [port] = await freePorts(1)
  await appendFile(file, [
    `GATEWAY_ADDRESS=127.0.0.1:${port}`,
    'TRUSTED_PROXIES=10.83.81.1',
    'BACKUP_PASSPHRASE=of the images test',
    ''
  ].join('\n'))
  const env = Object.fromEntries((await readFile(file, 'utf8')).trim().split('\n').map((line) => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)]
  }))
  const compose = (...args: string[]) => engine.docker(['compose', '-p', PROJECT, ...args], { env })
  // The engine sees the repository, and not the folder for temporary files.
  const backup = join(root, '.data/images/backup')

  async function containers (): Promise<Container[]> {
    const ids = (await compose('ps', '--all', '--quiet')).trim().split('\n').filter(Boolean)
    const found = JSON.parse(await engine.docker(['inspect', ...ids])) as any[]
    return found.map(({ Id, Config, HostConfig, State }) => ({
      id: Id,
      service: Config.Labels['com.docker.compose.service'],
      user: Config.User,
      readOnly: HostConfig.ReadonlyRootfs,
      options: HostConfig.SecurityOpt ?? [],
      memory: HostConfig.Memory,
      pid: State.Pid,
      isHealthy: State.Health?.Status === 'healthy',
      exitCode: State.ExitCode
    }))
  }

  return {
    origin: `http://127.0.0.1:${port}`,
    compose,
    containers,
    /** Waits until every container that has a health check is healthy. */
    async healthy (count: number) {
      for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(POLL_MS)) {
        const healthy = (await containers()).filter(({ isHealthy }) => isHealthy)
        if (healthy.length === count) return
        if (Date.now() > deadline) {
          throw new Error(`healthy are only ${healthy.map(({ service }) => service).join(', ')}:\n${
            await compose('logs', '--tail', '5')
          }`)
        }
      }
    },
    /** Saves everything, removes everything, and makes it anew of what was saved. */
    async saveAndRestore () {
      await mkdir(dirname(backup), { recursive: true })
      await engine.docker(
        ['compose', '-p', PROJECT, 'run', '--rm', '-T', '--no-deps', 'backup', 'create', '-'],
        { env, output: createWriteStream(backup) }
      )
      await compose('down', '--volumes')
      await compose('up', '--detach', '--wait', 'postgres', 'nats')
      await compose('up', 'databases', 'migrate', 'provision')
      await compose('run', '--rm', '--no-deps', '--volume', `${backup}:/backup:ro`, 'backup', 'restore', '/backup')
    },
    async remove () {
      await rm(backup, { force: true })
      await compose('--profile', 'commands', 'down', '--volumes', '--timeout', '40')
      await rm(folder, { recursive: true, force: true })
    }
  }
}
