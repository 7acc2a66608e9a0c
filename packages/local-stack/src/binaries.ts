import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { librariesIn, unpackDistribution } from './binaries/distribution.ts'
import { NATS_RELEASE, unpackRelease, type Release } from './binaries/release.ts'

export interface Binary {
  path: string
  /** What it needs in its environment to run. */
  env: Record<string, string>
}

export interface BinarySource {
  name: string
  /** The variable that names one's own. */
  variable: string
  /** The archives that the project itself publishes. */
  release?: Release
  /** Debian's packages with it and with the libraries that a minimal system lacks. */
  packages: readonly string[]
  install: string
}

export const NATS: BinarySource = {
  name: 'nats-server',
  variable: 'NATS_SERVER_BIN',
  release: NATS_RELEASE,
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
 * Finds a server program: the one that the variable names, on PATH, in our cache; else fetches it into the cache, from
 * the project's own release (pinned by SHA-256) or out of the distribution's package, without installing anything.
 * Throws one error whose message says what to do.
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
  const origins = [
    // The version is in the name, so that a new pin is fetched although an old one is there.
    { folder: join(cacheFolder(env), `${source.name}-${source.release?.version ?? 'none'}`), unpack: unpackRelease },
    { folder: join(cacheFolder(env), `${source.name}-distribution`), unpack: unpackDistribution }
  ]
  for (const { folder } of origins) {
    const cached = await programIn(folder, source.name)
    if (cached) return cached
  }
  say(`fetching ${source.name} (once) …`)
  const reasons: string[] = []
  for (const { folder, unpack } of origins) {
    try {
      await unpackInto(folder, (work, root) => unpack(source, work, root, env))
      const fetched = await programIn(folder, source.name)
      if (fetched) return fetched
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string }
      reasons.push((stderr || message).trim().split('\n').filter(Boolean).at(-1) ?? 'unknown')
    }
  }
  throw new Error(`${source.name} is not on this machine and could not be fetched (${reasons.join('; ')}). Install it (${source.install}), or name one with ${source.variable}, and start again.`)
}

async function programIn (root: string, name: string): Promise<Binary | undefined> {
  for (const folder of ['', 'usr/bin', 'usr/sbin']) {
    const path = join(root, folder, name)
    if (await isExecutable(path)) return { path, env: await librariesIn(root) }
  }
}

/** Unpacks beside the final place and renames: whoever looks there finds a whole one or none. */
async function unpackInto (folder: string, unpack: (work: string, root: string) => Promise<void>) {
  await mkdir(dirname(folder), { recursive: true })
  const work = await mkdtemp(`${folder}-unpack-`)
  try {
    await unpack(work, join(work, 'root'))
    await rename(join(work, 'root'), folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error // somebody else was faster, which is as good
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function isExecutable (path: string) {
  return access(path, constants.X_OK).then(() => true, () => false)
}
