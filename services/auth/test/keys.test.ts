import { KeysUnavailableError } from '@gatepost/service-kit/key-source'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../src/database/database.ts'
import { keyRepository } from '../src/keys/key-repository.ts'
import { dropKey, rotateIfDue, rotateKeys } from '../src/keys/key-rotation.ts'
import { createKeyStore } from '../src/keys/key-store.ts'
import { openPrivateKey, sealPrivateKey } from '../src/keys/private-key-cipher.ts'
import { deriveKey } from '../src/secrets.ts'
import { type AuthServer, startAuth, TOKEN_SECRET } from './support/auth-server.ts'

let auth: AuthServer
const encryptionKey = deriveKey(TOKEN_SECRET, 'signing-keys')
beforeAll(async () => { auth = await startAuth({ ACCESS_TOKEN_TTL: '7200' }) })
afterAll(() => auth.close())

const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid
const published = async () =>
  (await auth.call('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)
const states = async () =>
  Object.fromEntries((await keyRepository.list(auth.store.connection)).map(({ state, kid }) => [state, kid]))

test('the JWK set is public, cacheable, and holds the public halves of the current and the next key', async () => {
  const { status, headers, body } = await auth.call('GET', '/.well-known/jwks.json')
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
  expect(body.keys).toHaveLength(2)
  for (const key of body.keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
})

test('every token stays good through a rotation, and every key is published before it signs', async () => {
  const before = await auth.register()
  const { current, next } = await states()
  const jwksBefore = await published()
  expect(await rotateKeys(auth.store)).toEqual({ rotated: true, kid: next })
  expect(jwksBefore).toContain(next)
  await expect.poll(async () => kidOf((await auth.login(before.email)).body.accessToken), {
    timeout: 15_000,
    interval: 300
  }).toBe(next)
  expect((await auth.call('GET', '/api/auth/me', { token: before.accessToken })).status).toBe(200)
  await expect.poll(published, { timeout: 15_000, interval: 300 }).toHaveLength(3)
  const jwks = await published()
  expect(jwks).toEqual(expect.arrayContaining([current, next, (await states()).next]))
})

test('a next key signs only once verifiers know it', async () => {
  await expect.poll(states, { timeout: 15_000, interval: 300 }).toHaveProperty('next')
  const result = await rotateKeys(auth.store)
  expect(result).toEqual({ rotated: false, waitSeconds: expect.any(Number) })
  await auth.sql("UPDATE signing_keys SET created_at = created_at - interval '61 seconds' WHERE state = 'next'")
  expect(await rotateKeys(auth.store)).toMatchObject({ rotated: true })
})

test('a retiring key has no private half, and stays as long as the tokens that it signed', async () => {
  const retiring = () =>
    auth.sql(`SELECT DISTINCT private_key, retires_at > now() + interval '2 hours' AS late
      FROM signing_keys WHERE state = 'retiring'`)
  await expect.poll(retiring, { timeout: 15_000, interval: 300 }).toEqual([{ private_key: null, late: true }])
  // Makes the rotation three hours older.
  await auth.sql(`UPDATE signing_keys SET activated_at = activated_at - interval '3 hours',
    retires_at = retires_at - interval '3 hours'`)
  await expect.poll(published, { timeout: 15_000, interval: 300 }).toHaveLength(2)
})

test('a key that has signed for long enough is replaced, once, by any number of processes', async () => {
  await auth.sql(`UPDATE signing_keys SET created_at = created_at - interval '31 days',
    activated_at = activated_at - interval '31 days'`)
  const { next } = await states()
  const rule = { encryptionKey, algorithm: 'EdDSA', intervalSeconds: 30 * 86_400, changeOver: false } as const
  const rotations = await Promise.all([1, 2, 3].map(() => rotateIfDue(auth.store, rule)))
  expect(rotations.filter(Boolean)).toHaveLength(1)
  expect((await states()).current).toBe(next)
})

test('a key that was dropped is on record', async () => {
  const [{ kid }] = await auth.sql("SELECT kid FROM signing_keys WHERE state = 'retiring'")
  expect(await dropKey(auth.store, (await states()).current!)).toBe(false)
  expect(await dropKey(auth.store, kid)).toBe(true)
  expect(await auth.sql("SELECT detail, user_id FROM audit_log WHERE act = 'key-dropped'")).toEqual([{
    detail: { kid },
    user_id: null
  }])
})

test('processes that start at once on an empty database agree on the keys', async () => {
  await auth.sql('DELETE FROM signing_keys')
  const stores = [1, 2, 3].map(() =>
    createKeyStore({
      database: auth.store,
      encryptionKeys: [encryptionKey],
      algorithm: 'EdDSA',
      accessTokenTtl: 600,
      rotationSeconds: 86_400,
      log: console as never
    })
  )
  await Promise.all(stores.map((store) => store.start()))
  expect(new Set(stores.map((store) => store.current().kid)).size).toBe(1)
  expect(new Set(stores.map((store) => JSON.stringify(store.jwks()))).size).toBe(1)
  for (const store of stores) store.stop()
})

test('while the database is away a known key stays good, and an unknown one is unavailable, not wrong', async () => {
  const lost = openDatabase({ url: auth.database.url, poolSize: 2 })
  const store = createKeyStore({
    database: lost,
    encryptionKeys: [encryptionKey],
    algorithm: 'EdDSA',
    accessTokenTtl: 600,
    rotationSeconds: 86_400,
    log: console as never
  })
  await store.start()
  expect(await store.find('unknown')).toBeUndefined()
  await lost.close()
  await expect(store.reload()).rejects.toThrow()
  expect(await store.find(store.current().kid)).toContain('PUBLIC KEY')
  expect(() => store.find('unknown')).toThrow(KeysUnavailableError)
  store.stop()
})

test('a sealed key opens only with its secret and kid, and only unchanged', () => {
  const box = sealPrivateKey(encryptionKey, 'kid', Buffer.from('private'))
  expect(box.toString('latin1')).not.toContain('private')
  expect(openPrivateKey(encryptionKey, 'kid', box).toString()).toBe('private')
  expect(() => openPrivateKey(deriveKey('y'.repeat(32), 'signing-keys'), 'kid', box)).toThrow(/TOKEN_SECRET/)
  expect(() => openPrivateKey(encryptionKey, 'other', box)).toThrow(/TOKEN_SECRET/)
  box[20]! ^= 1
  expect(() => openPrivateKey(encryptionKey, 'kid', box)).toThrow(/TOKEN_SECRET/)
})

test('a service with another TOKEN_SECRET refuses to start and says why', async () => {
  await expect(startAuth({ TOKEN_SECRET: 'z'.repeat(40) }, auth.database)).rejects
    .toThrow(/TOKEN_SECRET is not the one/)
})
