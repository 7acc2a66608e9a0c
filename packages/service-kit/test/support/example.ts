import { spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const script = fileURLToPath(new URL('process.ts', import.meta.url))

/** The example process; it ends with its test at the latest. */
export function startExample (env: Record<string, string>, stdio: StdioOptions) {
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env },
    stdio
  })
  onTestFinished(() => { child.kill('SIGKILL') })
  return { child, ended: once(child, 'exit').then(([code]) => code as number) }
}

/** Two ports that were free just now, and the settings that name them. */
export async function examplePorts () {
  const [main, operations] = [await freePort(), await freePort()]
  return { main, operations, env: { MAIN_PORT: String(main), OPS_PORT: String(operations) } }
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
