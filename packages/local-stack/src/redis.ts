import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinary, REDIS } from './binaries.ts'
import { type Child, startChild, waitForPort } from './child.ts'
import { systemEnvironment } from './environment.ts'

export interface RedisServer extends Child {
  url: string
}

/** Starts a Redis that keeps nothing on disk, on 127.0.0.1. */
export async function startRedis ({ port, say }: { port: number, say?: (line: string) => void }): Promise<RedisServer> {
  const binary = await findBinary(REDIS, { say })
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-redis-'))
  const child = startChild(binary.path, [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder
  ], {
    name: 'redis-server',
    env: { ...systemEnvironment(process.env), ...binary.env }
  })
  void child.ended.then(() => rm(folder, { recursive: true, force: true }))
  await waitForPort(child, port)
  return { ...child, url: `redis://127.0.0.1:${port}` }
}
