import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

test('a proxy of the environment is not asked for the keys of tokens', async () => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.end('{"keys":[]}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => { server.close() })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  // NODE_USE_ENV_PROXY is read when a process starts; nothing listens at the proxy's port.
  const script = `
    import { directGet } from './direct-get.ts'
    console.log(JSON.stringify(await directGet('${url}', { timeoutMs: 2000 })))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../src', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: 'http://127.0.0.1:9',
      http_proxy: 'http://127.0.0.1:9'
    }
  })
  expect(JSON.parse(stdout)).toMatchObject({ status: 200, body: '{"keys":[]}' })
  expect(asked).toBe(1)
})
