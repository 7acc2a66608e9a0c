import { join } from 'node:path'
import { databaseOwners } from '@gatepost/contracts/declarations'
import type { Child } from '@gatepost/local-stack/child'
import { type ConsoleSecrets, startConsole } from '@gatepost/local-stack/console'
import { ensureReader } from '@gatepost/local-stack/postgres/reader'
import type { SystemPorts } from '@gatepost/local-stack/ports'
import { secretIn } from '@gatepost/local-stack/secret'
import type { RunningSystem } from '@gatepost/local-stack/system'
import { readable } from '../../services/console/src/database/readable.ts'
import type { Env } from './addresses.ts'

const ROLE = 'console'

export interface ConsoleRun {
  root: string
  ports: SystemPorts
  env: Env
  dataDir: string
  system: RunningSystem
  secrets: ConsoleSecrets
  say: (line: string) => void
  onOutput: (name: string, text: string) => void
}

/** Starts the console of this run. The system goes on without one that cannot run, or ends. */
export async function runConsole ({ say, ...run }: ConsoleRun): Promise<Pick<Child, 'stop'> | undefined> {
  try {
    const child = await startConsole({ ...run, databases: await databasesOf(run) })
    let isWanted = true
    void child.ended.then((end) => { if (isWanted) say(`${end}; everything else goes on`) })
    return {
      stop () {
        isWanted = false
        return child.stop()
      }
    }
  } catch (error) {
    say(`the console could not start: ${(error as Error).message}`)
    return undefined
  }
}

/** Databases of one's own have no role for the console unless CONSOLE_DATABASES says so. */
async function databasesOf ({ system: { postgres }, dataDir, env, ports }: Omit<ConsoleRun, 'say'>) {
  if (postgres === undefined || env.CONSOLE_DATABASES) return {}
  const embedded = databaseOwners.filter(({ prefix }) => !env[`${prefix}_DATABASE_URL`])
  const password = await secretIn(join(dataDir, 'postgres', `${ROLE}.password`))
  const databases = Object.fromEntries(embedded.map(({ name, database }) => [database, readable[name]!]))
  await ensureReader({ adminUrl: postgres.adminUrl, role: ROLE, password, databases })
  return Object.fromEntries(embedded.map(({ name, database }) =>
    [name, `postgresql://${ROLE}:${password}@127.0.0.1:${ports.postgres}/${database}`]
  ))
}
