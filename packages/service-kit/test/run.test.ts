import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Agent, get, type IncomingMessage } from 'node:http'
import { expect, test, vi } from 'vitest'
import { examplePorts, startExample } from './support/example.ts'

function start (env: Record<string, string>) {
  const running = startExample(env, ['ignore', 'ignore', 'pipe'])
  return { ...running, err: text(running.child.stderr!) }
}

async function startReady (settings: Record<string, string> = {}) {
  const { main, env } = await examplePorts()
  const running = start({ ...env, ...settings })
  const agent = new Agent({ keepAlive: true })
  const ask = async (path: string) => {
    const [answer] = await once(get({ port: main, host: '127.0.0.1', path, agent }), 'response') as [IncomingMessage]
    return { status: answer.statusCode, connection: answer.headers.connection, body: await text(answer) }
  }
  await vi.waitFor(async () => expect((await ask('/ready')).status).toBe(200), { timeout: 15_000, interval: 50 })
  return { ...running, ask }
}

test('a bad setting is one readable line and exit code 1', async () => {
  const { ended, err } = start({ MAIN_PORT: 'http' })
  expect(await ended).toBe(1)
  expect(await err)
    .toMatch(/^example: MAIN_PORT is "http": it needs a whole number from 0 to 65535.*\n {4}OPS_PORT is missing.*\n$/)
})

test('a port in use is one readable line and exit code 1', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { ended, err } = start({ MAIN_PORT: String(port), OPS_PORT: '0' })
  expect(await ended).toBe(1)
  expect(await err).toBe(`example: port ${port} is in use; stop what listens there or choose another port\n`)
  taken.close()
})

test('an address of another machine is one readable line and exit code 1', async () => {
  const { ended, err } = start({ HOST: '203.0.113.7', MAIN_PORT: '0', OPS_PORT: '0' })
  expect(await ended).toBe(1)
  expect(await err).toBe('example: HOST is "203.0.113.7", which is no address of this machine\n')
})

test('a stopping process is not ready, closes connections after their answers, and waits for no idle one', async () => {
  const { child, ask, ended } = await startReady({ DRAIN_DELAY: '1' })
  const slow = ask('/slow/2500')
  await ask('/live') // a connection that is idle from now on; Node alone would wait 75 s for it
  child.kill('SIGTERM')
  await vi.waitFor(
    async () =>
      expect(await ask('/ready')).toMatchObject({ status: 503, body: expect.stringContaining('shutting down') }),
    { timeout: 10_000, interval: 20 }
  )
  expect(await ask('/live')).toMatchObject({ status: 200, connection: 'close' })
  await vi.waitFor(async () => { await expect(ask('/live')).rejects.toThrow() }, { timeout: 10_000 })
  expect(await slow).toMatchObject({ status: 200, body: '{"slept":"2500"}' })
  // on a connection that is idle from now on, too late for what closes idle ones once
  const answered = performance.now()
  expect(await ended).toBe(0)
  expect(performance.now() - answered, 'and not when all that is left is cut, 12 s after the delay').toBeLessThan(8000)
})

test('a second signal ends the process at once', async () => {
  const { child, ask, ended } = await startReady({ DRAIN_DELAY: '10' })
  const slow = ask('/slow/60000').catch((error: Error) => error)
  child.kill('SIGTERM')
  await vi.waitFor(async () => expect((await ask('/ready')).status).toBe(503), { timeout: 10_000, interval: 20 })
  child.kill('SIGTERM')
  expect(await ended).toBe(1)
  expect(await slow).toBeInstanceOf(Error)
})
