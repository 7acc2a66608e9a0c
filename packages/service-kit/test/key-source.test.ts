import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { KeysUnavailableError, TOKEN_LIFETIME_HEADER, remoteKeys, type RemoteKeySource } from '../src/key-source.ts'

const jwkOf = (kid: string) => ({
  ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }),
  kid,
  alg: 'EdDSA',
  use: 'sig'
})
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
  expect([keys.get('k1'), keys.get('constructor'), await keys.find('constructor')]).toEqual([
    expect.stringContaining('PUBLIC KEY'),
    undefined,
    undefined
  ])
})

test('for any number of unknown keys auth is asked once in 30 s, and finds a key that was added', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const keys = start()
  await settled(keys)
  answer = JSON.stringify({ keys: [jwkOf('k1'), jwkOf('k2')] })
  const found = await Promise.all(Array.from({ length: 50 }, (_, n) => keys.find(n % 2 ? 'k2' : `junk-${n}`)))
  expect(asked).toBe(2)
  expect(found.filter(Boolean)).toHaveLength(25)
  for (let i = 0; i < 50; i++) expect(await keys.find(`junk-${i}`)).toBeUndefined()
  expect(asked).toBe(2)
  vi.advanceTimersByTime(31_000)
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

test.each([
  '',
  '{}',
  'null',
  '{"keys":[]}',
  '{"keys":{}}',
  '{"keys":[null,1,"x",[]]}',
  '{"keys":[{"kty":"RSA","kid":"k1"}]}',
  '<html>'
])('the answer %j is no set of keys: the last good one stays, and an unknown key may exist', async (nonsense) => {
  const keys = start()
  await settled(keys)
  answer = nonsense
  await expect(keys.find('k2')).rejects.toThrow(KeysUnavailableError)
  expect(asked).toBe(2)
  expect(keys.get('k1')).toBeDefined()
})

const { kid: _kid, ...withoutKid } = jwkOf('k9')
const foreign: Record<string, unknown> = {
  RSA: {
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
    kid: 'rsa',
    alg: 'RS256',
    use: 'sig'
  },
  'EC of another curve': {
    ...generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }),
    kid: 'ec',
    alg: 'ES384',
    use: 'sig'
  },
  'EC whose point is off the curve': { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43), kid: 'off' },
  X25519: { ...generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }), kid: 'x' },
  'an unknown kty': { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', kid: 'pq' },
  'a key without an id': withoutKid,
  'a key for encryption': { ...jwkOf('enc'), use: 'enc' },
  'a key for another algorithm': { ...jwkOf('alg'), alg: 'ES256' },
  'a key that is no point': { ...jwkOf('short'), x: 'AAAA' },
  'a key without a point': { kty: 'OKP', crv: 'Ed25519', kid: 'none' },
  'an id that is no text': { ...jwkOf('k9'), kid: 9 },
  null: null,
  'a text': 'k9'
}
test.each(Object.keys(foreign))('%s beside our keys is ignored (RFC 7517 section 5)', async (name) => {
  const { alg: _alg, use: _use, ...bare } = jwkOf('k2')
  answer = JSON.stringify({ keys: [foreign[name], jwkOf('k1'), { ...bare, 'x-more': [1] }], more: true })
  const keys = start()
  await keys.ready
  expect([keys.status().keys, keys.get('k1') !== undefined, keys.get('k2') !== undefined]).toEqual([2, true, true])
})

test('while auth is away no token waits for an unknown key, which is found as soon as auth is back', async () => {
  const { port } = server.address() as AddressInfo
  const keys = start()
  await settled(keys)
  await close()
  await expect(keys.find('k2')).rejects.toThrow(KeysUnavailableError)
  await expect(keys.find('k2')).rejects.toThrow(KeysUnavailableError)
  expect(await keys.find('k1')).toBeDefined()
  answer = JSON.stringify({ keys: [jwkOf('k2')] })
  server.listen(port, '127.0.0.1')
  await vi.waitFor(async () => { expect(await keys.find('k2')).toBeDefined() }, { timeout: 2_000, interval: 20 })
  await expect(keys.find('k3')).resolves.toBeUndefined()
})

test('the key source learns the life of tokens from auth', async () => {
  const keys = start()
  await keys.ready
  expect(keys.status().issuedTtl).toBeUndefined()
  source!.stop()
  server.prependListener('request', (_request, response) => { response.setHeader(TOKEN_LIFETIME_HEADER, '7200') })
  const told = start()
  await told.ready
  expect(told.status().issuedTtl).toBe(7200)
})
