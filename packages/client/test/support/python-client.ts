import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheFolders, writableFolder } from '@gatepost/local-stack/binaries/cache'

const exec = promisify(execFile)
const VERSION = '2.15.0'

/** The folder with NATS' Python client, fetched once into the cache, or why there is none on this machine. */
export async function findPythonClient (): Promise<{ folder: string, missing?: string }> {
  const cache = await writableFolder(cacheFolders(process.env))
  const folder = join(cache, `nats-py-${VERSION}`)
  if (existsSync(folder)) return { folder }
  const work = await mkdtemp(join(cache, 'nats-py-'))
  try {
    await exec('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--no-deps',
      '--retries',
      '0',
      '--timeout',
      '5',
      '--target',
      work,
      `nats-py==${VERSION}`
    ], { timeout: 20_000 })
    await rename(work, folder)
    return { folder }
  } catch (error) {
    await rm(work, { recursive: true, force: true })
    return { folder, missing: `nats-py cannot be had: ${(error as Error).message.trim().split('\n').at(-1)}` }
  }
}

/** How many events it read. */
export async function readByPython (
  { folder }: { folder: string },
  { host, user, pass, way, consumer, count }: {
    host: string
    user: string
    pass: string
    way: 'pull' | 'push'
    consumer: string
    count: number
  }
): Promise<number> {
  const script = fileURLToPath(new URL('reader.py', import.meta.url))
  const { stdout } = await exec('python3', [script, `nats://${host}`, user, pass, way, consumer, String(count)], {
    env: { ...process.env, PYTHONPATH: folder },
    timeout: 20_000
  })
  return Number(stdout)
}
