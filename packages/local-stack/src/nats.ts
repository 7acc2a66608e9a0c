import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findBinary, NATS } from './binaries.ts'
import { type Child, startChild, waitForPort } from './child.ts'
import { systemEnvironment } from './environment.ts'

export interface NatsOptions {
  port: number
  /** Configuration, store and log of the server. */
  dataDir: string
  /** Accounts and permissions in the server's configuration language. */
  authorization?: string
  say?: (line: string) => void
}

export interface NatsServer extends Child {
  url: string
}

/** Starts a nats-server with JetStream on 127.0.0.1. */
export async function startNats ({ port, dataDir, authorization = '', say }: NatsOptions): Promise<NatsServer> {
  const binary = await findBinary(NATS, { say, spare: join(dataDir, '..', 'cache') })
  await mkdir(dataDir, { recursive: true })
  const config = join(dataDir, 'nats-server.conf')
  await writeFile(config, `listen: "127.0.0.1:${port}"
server_name: gatepost
max_payload: 1MB
jetstream { store_dir: ${JSON.stringify(join(dataDir, 'store'))} }
${authorization}
`, { mode: 0o600 })
  const child = startChild(binary.path, ['-c', config], { name: 'nats-server', env: { ...systemEnvironment(process.env), ...binary.env } })
  await waitForPort(child, port)
  return { ...child, url: `nats://127.0.0.1:${port}` }
}
