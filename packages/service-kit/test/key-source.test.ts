import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { KeysUnavailableError, remoteKeys, type RemoteKeySource } from '../src/key-source.ts'

const jwkOf = (kid: string) => ({ ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid, alg: 'EdDSA', use: 'sig' })
let server: Server
let url: string
let asked: number
let answer: string
let source: RemoteKeySource | undefined

beforeEach(async () => {
  asked = 0
  answer = JSON.stringify({ keys: [jwkOf('k1')] })
  server = createServer((_request, response) => {
    asked++
    response.setHeader('content-type', 'application/json').end(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  vi.useRealTimers()
  source?.stop()
  await close()
})
async function close () {
  if (!server.listening) return
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
function start (authUrls = [url]) {
  source = remoteKeys({ authUrls, log: pino({ level: 'silent' }) })
  return source
}

/** Loaded, and done with loading. */
async function settled (keys: RemoteKeySource) {
  await keys.ready
  await new Promise(setImmediate)
}

test('keys are there once they were fetched, and a key of a name that every object has is not', async () => {
  const keys = start()
  expect(keys.status()).toMatchObject({ loaded: false, keys: 0 })
  await keys.ready
  expect(await keys.find('k1')).toMatch(/BEGIN PUBLIC KEY/)
  expect([keys.get('k1'), keys.get('constructor'), await keys.find('constructor')]).toEqual([expect.stringContaining('PUBLIC KEY'), undefined, undefined])
})

test('however many tokens of unknown keys come, auth is asked once in 30 s for them, and finds a key that was added', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const keys = start()
  await settled(keys)
  answer = JSON.stringify({ keys: [jwkOf('k1'), jwkOf('k2')] })
  const found = await Promise.all(Array.from({ length: 50 }, (_, n) => keys.find(n % 2 ? 'k2' : `junk-${n}`)))
  expect(asked).toBe(2)
  expect(found.filter(Boolean)).toHaveLength(25)
  for (let i = 0; i < 50; i++) expect(await keys.find(`junk-${i}`)).toBeUndefined()
  expect(asked).toBe(2)
  vi.setSystemTime(Date.now() + 31_000)
  await keys.find('junk')
  expect(asked).toBe(3)
})

test('without auth there are no keys to judge with; the second instance is as good as the first', async () => {
  const { port } = server.address() as AddressInfo
  await close()
  await expect(start().find('k1')).rejects.toThrow(KeysUnavailableError)
  source!.stop()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  await start(['http://127.0.0.1:1', url]).ready
})

test.each(['', '{}', '{"keys":[]}', '{"keys":[{"kty":"RSA","kid":"k1"}]}', '<html>'])('the answer %j is no set of keys, and the last good one stays', async (nonsense) => {
  const keys = start()
  await settled(keys)
  answer = nonsense
  await keys.find('k2')
  expect(asked).toBe(2)
  expect(keys.get('k1')).toBeDefined()
})
