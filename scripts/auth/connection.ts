import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { credentialsIn } from '@gatepost/local-stack/postgres/cluster'
import { openDatabase, type Database } from '../../services/auth/src/database/database.ts'
import { connectionFault } from '../connection-fault.ts'
import { portsOf } from '../start/addresses.ts'

/**
 * The database of auth, as the service or as the owner of its tables: what the environment names, or what `pnpm start`
 * made on this machine. Throws with a readable message when there is neither. No command needs TOKEN_SECRET.
 */
export async function connectToAuth (
  env: Readonly<Record<string, string | undefined>>,
  as: 'service' | 'owner' = 'service'
): Promise<Database> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const dataDir = resolve(root, env.GATEPOST_DATA || '.data')
  const variable = as === 'owner' && env.AUTH_MIGRATION_DATABASE_URL
    ? 'AUTH_MIGRATION_DATABASE_URL'
    : 'AUTH_DATABASE_URL'
  const url = env[variable] ?? await embeddedUrl(dataDir, env, as === 'owner' ? 'auth_owner' : 'auth')
  const database = openDatabase({ url, poolSize: 2 })
  await database.ping().catch((cause: unknown) => {
    throw new Error(
      `the auth database cannot be reached (${
        connectionFault(variable, cause).message
      }): is everything running (pnpm start)?`,
      { cause }
    )
  })
  return database
}

async function embeddedUrl (dataDir: string, env: Readonly<Record<string, string | undefined>>, role: string) {
  const credentials = await credentialsIn(join(dataDir, 'postgres')).catch(() => missing('AUTH_DATABASE_URL'))
  return `postgresql://${role}:${credentials[role]}@127.0.0.1:${portsOf(env).postgres}/auth`
}

function missing (name: string): never {
  throw new Error(`set ${name}, or run \`pnpm start\` once in this folder`)
}
