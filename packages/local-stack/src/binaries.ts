import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)

export interface Binary {
  path: string
  /** What it needs in its environment to run. */
  env: Record<string, string>
}

export interface BinarySource {
  name: 'nats-server' | 'redis-server'
  /** The variable that names one's own. */
  variable: string
  /** Debian's packages with it and with the libraries that a minimal system lacks. */
  packages: readonly string[]
  install: string
}

export const NATS: BinarySource = {
  name: 'nats-server',
  variable: 'NATS_SERVER_BIN',
  packages: ['nats-server'],
  install: 'https://docs.nats.io/running-a-nats-service/introduction/installation'
}

export const REDIS: BinarySource = {
  name: 'redis-server',
  variable: 'REDIS_SERVER_BIN',
  packages: ['redis-server', 'redis-tools', 'liblua5.1-0', 'libjemalloc2', 'liblzf1', 'libatomic1', 'lua-cjson', 'lua-bitop'],
  install: 'https://redis.io/docs/latest/operate/oss_and_stack/install'
}

type Env = Readonly<Record<string, string | undefined>>

/** Where servers that were fetched are kept, for all clones of one user. */
export function cacheFolder (env: Env = process.env) {
  return env.GATEPOST_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gatepost')
}

/**
 * Finds a server program: the one that the variable names, on PATH, in our cache; else unpacks the distribution's
 * package into the cache without installing it. Throws an error whose message says what to do.
 */
export async function findBinary (source: BinarySource, { env = process.env, say = () => {} }: { env?: Env, say?: (line: string) => void } = {}): Promise<Binary> {
  const named = env[source.variable]
  if (named) {
    if (await isExecutable(named)) return { path: named, env: {} }
    throw new Error(`${source.variable} is ${named}, which is no program that can be run`)
  }
  for (const folder of [...(env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    if (folder && await isExecutable(join(folder, source.name))) return { path: join(folder, source.name), env: {} }
  }
  const cached = await inCache(source, env)
  if (cached) return cached
  say(`fetching ${source.name} (once) …`)
  const failure = await unpackPackages(source, env).then(() => undefined, (error: Error & { stderr?: string }) => error)
  const fetched = await inCache(source, env)
  if (fetched) return fetched
  const reason = (failure?.stderr ?? failure?.message ?? '').trim().split('\n').filter(Boolean).at(-1) ?? 'unknown'
  throw new Error(`${source.name} is not on this machine and could not be fetched (${reason}). Install it (${source.install}), or name one with ${source.variable}, and start again.`)
}

async function inCache (source: BinarySource, env: Env): Promise<Binary | undefined> {
  const root = join(cacheFolder(env), source.name)
  for (const folder of ['usr/bin', 'usr/sbin']) {
    const path = join(root, folder, source.name)
    if (!await isExecutable(path)) continue
    const libraries = await readdir(join(root, 'usr/lib')).catch(() => [])
    const folders = libraries.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(root, 'usr/lib', name))
    return { path, env: folders.length > 0 ? { LD_LIBRARY_PATH: folders.join(':') } : {} }
  }
}

async function unpackPackages (source: BinarySource, env: Env) {
  const cache = cacheFolder(env)
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'unpack-'))
  try {
    await download(source.packages, work)
    for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
      await exec('dpkg', ['-x', join(work, file), join(work, 'root')])
    }
    await rename(join(work, 'root'), join(cache, source.name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error // somebody else was faster, which is as good
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function download (packages: readonly string[], folder: string) {
  const options = ['-o', 'APT::Sandbox::User=', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::https::Timeout=10']
  const get = (...args: string[]) => exec('apt-get', ['-q', ...options, ...args], { cwd: folder })
  try {
    await get('download', ...packages)
  } catch {
    // The package lists may be missing or old; a copy of our own leaves the system as it is and needs no privilege.
    const lists = join(folder, 'lists')
    await mkdir(join(lists, 'partial'), { recursive: true })
    options.push('-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${folder}`)
    await get('update')
    await get('download', ...packages)
  }
}

async function isExecutable (path: string) {
  return access(path, constants.X_OK).then(() => true, () => false)
}
