import { constants } from 'node:fs'
import { access, mkdtemp, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { cacheFolders, writableFolder } from './binaries/cache.ts'
import { librariesIn, unpackDistribution } from './binaries/distribution.ts'
import { NATS_RELEASE, unpackRelease, type Release } from './binaries/release.ts'
import type { Env } from './environment.ts'

export interface Binary {
  path: string
  /** What it needs in its environment to run. */
  env: Record<string, string>
}

export interface BinarySource {
  name: string
  /** The variable that names the user's own binary. */
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
  packages: [
    'redis-server',
    'redis-tools',
    'liblua5.1-0',
    'libjemalloc2',
    'liblzf1',
    'libatomic1',
    'lua-cjson',
    'lua-bitop'
  ],
  install: 'https://redis.io/docs/latest/operate/oss_and_stack/install'
}

export interface FindOptions {
  env?: Env
  say?: (line: string) => void
  /** Where a program that was fetched is kept when the user's own cache cannot be written. */
  spare?: string
}

/**
 * Finds a server program: the one that the variable names, on PATH, in our cache; else fetches it into the cache, from
 * the project's own release (pinned by SHA-256) or out of the distribution's package, without installing anything.
 * Throws one error whose message says what to do.
 */
export async function findBinary (
  source: BinarySource,
  { env = process.env, say = () => {}, spare }: FindOptions = {}
): Promise<Binary> {
  const named = env[source.variable]
  if (named) {
    if (await isExecutable(named)) return { path: named, env: {} }
    throw new Error(`${source.variable} is ${named}, which is no program that can be run`)
  }
  for (const folder of [...(env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    if (folder && await isExecutable(join(folder, source.name))) return { path: join(folder, source.name), env: {} }
  }
  const caches = cacheFolders(env, spare)
  const names = [
    // The version is in the name, so that a new pin is fetched although an old one is there.
    { name: `${source.name}-${source.release?.version ?? 'none'}`, unpack: unpackRelease },
    { name: `${source.name}-distribution`, unpack: unpackDistribution }
  ]
  for (const folder of caches.flatMap((cache) => names.map(({ name }) => join(cache, name)))) {
    const cached = await programIn(folder, source.name)
    if (cached) return cached
  }
  const cache = await writableFolder(caches).catch((cause: Error) => {
    throw new Error(`${source.name} is not on this machine and cannot be kept: ${cause.message}`, { cause })
  })
  say(`fetching ${source.name} (once) …`)
  const reasons: string[] = []
  for (const { name, unpack } of names) {
    const folder = join(cache, name)
    try {
      await unpackInto(folder, (work, root) => unpack(source, work, root, env))
      const fetched = await programIn(folder, source.name)
      if (fetched) return fetched
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string }
      reasons.push((stderr || message).trim().split('\n').filter(Boolean).at(-1) ?? 'unknown')
    }
  }
  throw new Error(`${source.name} is not on this machine and could not be fetched (${
    reasons.join('; ')
  }). Install it (${source.install}), or name one with ${source.variable}, and start again.`)
}

async function programIn (root: string, name: string): Promise<Binary | undefined> {
  for (const folder of ['', 'usr/bin', 'usr/sbin']) {
    const path = join(root, folder, name)
    if (await isExecutable(path)) return { path, env: await librariesIn(root) }
  }
}

/** Unpacks beside the final place and renames, so that readers find a whole binary or none. */
async function unpackInto (folder: string, unpack: (work: string, root: string) => Promise<void>) {
  const work = await mkdtemp(`${folder}-unpack-`)
  try {
    await unpack(work, join(work, 'root'))
    await rename(join(work, 'root'), folder).catch((error: NodeJS.ErrnoException) => {
      // another process was faster, which is as good
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function isExecutable (path: string) {
  return access(path, constants.X_OK).then(() => true, () => false)
}
