import { watch } from 'node:fs'
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

/** Accounts and permissions, beside the configuration that includes them. */
export const ACCOUNTS_FILE = 'accounts.conf'

/**
 * Starts a nats-server with JetStream on 127.0.0.1. Accounts that are written anew while it runs are read by it at
 * once.
 */
export async function startNats ({ port, dataDir, authorization = '', say }: NatsOptions): Promise<NatsServer> {
  const binary = await findBinary(NATS, { say, spare: join(dataDir, '..', 'cache') })
  await mkdir(dataDir, { recursive: true })
  const config = join(dataDir, 'nats-server.conf')
  await writeFile(config, `listen: "127.0.0.1:${port}"
server_name: gatepost
max_payload: 1MB
jetstream { store_dir: ${JSON.stringify(join(dataDir, 'store'))} }
include ${ACCOUNTS_FILE}
`, { mode: 0o600 })
  await writeFile(join(dataDir, ACCOUNTS_FILE), authorization, { mode: 0o600 })
  const child = startChild(binary.path, ['-c', config], {
    name: 'nats-server',
    env: { ...systemEnvironment(process.env), ...binary.env }
  })
  await waitForPort(child, port)
  const stopWatching = reloadAtChange(child, dataDir)
  void child.ended.then(stopWatching)
  return { ...child, url: `nats://127.0.0.1:${port}` }
}

/** In version 2.9 the imports of a new account work only after a second reload. */
const RELOADS_MS = [50, 500]

function reloadAtChange (child: Child, dataDir: string) {
  let timers: NodeJS.Timeout[] = []
  const forget = () => { for (const timer of timers) clearTimeout(timer) }
  const watcher = watch(dataDir, { persistent: false }, (_event, name) => {
    if (name !== ACCOUNTS_FILE) return
    forget()
    timers = RELOADS_MS.map((delay) => setTimeout(() => child.signal('SIGHUP'), delay).unref())
  })
  return () => {
    watcher.close()
    forget()
  }
}
