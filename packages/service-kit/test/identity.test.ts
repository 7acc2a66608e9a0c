import { generateKeyPairSync } from 'node:crypto'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { getMe } from '@gatepost/contracts/auth/account-operations'
import { logout } from '@gatepost/contracts/auth/session-operations'
import { getUser, listUsers } from '@gatepost/contracts/auth/user-operations'
import { identity } from '../src/identity.ts'
import { KeysUnavailableError, keysOf, type KeySource } from '../src/key-source.ts'
import { createRevocationList, emptyRevocationList, type RevocationList } from '../src/revocation-list.ts'
import { routeOf } from '../src/route.ts'
import { createServer, type App } from '../src/server.ts'
import { another, forged, header, ISSUER, now, payload, publicKey, token, USER } from './support/tokens.ts'

let app: App
let keys: Map<string, string>
let broken = false
/** Happens right after a key was found. */
let onFind: (() => void) | undefined
let revocations: RevocationList

beforeEach(async () => {
  broken = false
  onFind = undefined
  revocations = emptyRevocationList()
  keys = keysOf({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA', use: 'sig' }] } as never)
  const source: KeySource = {
    get: (kid) => keys.get(kid),
    find (kid) {
      if (broken) throw new KeysUnavailableError('away')
      const key = keys.get(kid)
      onFind?.()
      return key
    }
  }
  app = createServer({ log: pino({ level: 'silent' }) })
  await app.register(identity, { keys: source, revocations, issuer: ISSUER, accessTokenTtl: 700, cacheSize: 3 })
  app.route({
    ...routeOf(getMe),
    handler: async (request) => ({
      id: request.principal!.userId,
      email: '',
      emailVerified: true,
      displayName: 'a',
      role: 'user' as const,
      createdAt: ''
    })
  })
  app.route({
    ...routeOf(logout),
    handler: async (request, reply) =>
      reply.code(204).header('x-user', request.principal?.userId ?? 'nobody').send(null as never)
  })
  app.route({ ...routeOf(listUsers), handler: async () => ({ items: [], nextCursor: null }) })
  app.route({ ...routeOf(getUser), config: {}, handler: async () => ({ id: USER, displayName: 'a', createdAt: '' }) })
})
afterEach(async () => { await app.close() })

const me = (bearer?: string) =>
  app.inject({ url: '/api/auth/me', headers: bearer === undefined ? {} : { authorization: bearer } })

test('a good token passes, twice', async () => {
  const good = token()
  expect((await me(`Bearer ${good}`)).statusCode).toBe(200)
  expect((await me(`bearer ${good}`)).statusCode).toBe(200)
  expect(app.identity.stats).toMatchObject({ hits: 1, misses: 1 })
})

test('no token is 401 with a challenge', async () => {
  const answer = await me()
  expect([answer.statusCode, answer.json().code, answer.headers['www-authenticate']]).toEqual([
    401,
    'TOKEN_REQUIRED',
    'Bearer realm="gatepost"'
  ])
})

test.each(Object.keys(forged))('%s is 401, always the same', async (name) => {
  const answer = await me(`Bearer ${forged[name]!()}`)
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'TOKEN_INVALID'])
  expect(app.identity.stats.size).toBe(0)
})

test.each(['Basic abc', 'Bearer', 'Bearer a b', 'Bearer a, Bearer b', ''])('the header %j is 401', async (value) => {
  expect((await me(value)).statusCode).toBe(401)
})

test('clocks may differ by five seconds', async () => {
  expect((await me(`Bearer ${token({ ...payload(), iat: now() + 4 })}`)).statusCode).toBe(200)
  expect((await me(`Bearer ${token({ ...payload(), exp: now() - 3 })}`)).statusCode).toBe(200)
})

test('remembered tokens are bounded, and junk pushes no good one out', async () => {
  const good = Array.from({ length: 5 }, (_, n) => token({ ...payload(), exp: now() + 600 + n }))
  for (const one of good) expect((await me(`Bearer ${one}`)).statusCode).toBe(200)
  expect(app.identity.stats.size).toBe(3)
  for (let i = 0; i < 10; i++) await me(`Bearer ${token(payload(), header, another)}`)
  const { hits } = app.identity.stats
  for (const one of good.slice(2)) await me(`Bearer ${one}`)
  expect(app.identity.stats.hits).toBe(hits + 3)
})

const endedSession = '01900000-0000-7000-8000-00000000000c'
const refusedForGood: Record<string, () => string> = {
  'a forged token': () => token(payload(), header, another),
  'an expired token': () => token({ ...payload(), exp: now() - 60 }),
  'a token of an ended session': () => {
    revocations.revoke(endedSession, Date.now() + 600_000)
    return token({ ...payload(), sid: endedSession })
  }
}
test.each(Object.keys(refusedForGood))('%s that comes again is refused again without cryptography', async (name) => {
  const bad = `Bearer ${refusedForGood[name]!()}`
  for (let i = 0; i < 3; i++) expect((await me(bad)).statusCode).toBe(401)
  expect(app.identity.stats).toMatchObject({ hits: 0, misses: 1, refusals: 2 })
})

test.each(['a birth in the future', 'a future nbf'])(
  'a refusal of %s is not remembered, for it may become good',
  async (name) => {
    const early = `Bearer ${forged[name]!()}`
    for (let i = 0; i < 2; i++) expect((await me(early)).statusCode).toBe(401)
    expect(app.identity.stats).toMatchObject({ misses: 2, refusals: 0 })
  }
)

test('a refusal is remembered for the key that it was made with', async () => {
  const other = generateKeyPairSync('ed25519')
  const bearer = `Bearer ${token(payload(), header, other.privateKey)}`
  expect((await me(bearer)).statusCode).toBe(401)
  keys.set('k1', other.publicKey.export({ type: 'spki', format: 'pem' }) as string)
  expect((await me(bearer)).statusCode).toBe(200)
})

test('a key that changes while a token is judged is not the one that it was refused by', async () => {
  const other = generateKeyPairSync('ed25519')
  const bearer = `Bearer ${token(payload(), header, other.privateKey)}`
  onFind = () => keys.set('k1', other.publicKey.export({ type: 'spki', format: 'pem' }) as string)
  expect((await me(bearer)).statusCode).toBe(401)
  expect((await me(bearer)).statusCode).toBe(200)
})

test('a token whose key went away while it was judged is good again once the key is back', async () => {
  const bearer = `Bearer ${token()}`
  const known = new Map(keys)
  onFind = () => keys.clear()
  expect((await me(bearer)).statusCode).toBe(401)
  for (const [kid, key] of known) keys.set(kid, key)
  expect((await me(bearer)).statusCode).toBe(200)
})

test('remembered refusals are bounded', async () => {
  const verify = (n: number) => app.identity.verify(token({ ...payload(), exp: 1_000_000_000 + n }))
  for (let n = 0; n <= 1_000; n++) await verify(n)
  await verify(1_000)
  expect(app.identity.stats.refusals).toBe(1)
  await verify(0)
  expect(app.identity.stats).toMatchObject({ misses: 1_002, refusals: 1 })
})

test('a token is recognized, without cryptography, only after it was verified and while it is good', async () => {
  const sid = '01900000-0000-7000-8000-00000000000b'
  const good = `Bearer ${token({ ...payload(), sid })}`
  expect(app.identity.recognize(good)).toBeUndefined()
  await me(good)
  expect(app.identity.recognize(good)?.userId).toBe(USER)
  for (const other of [undefined, '', 'Bearer', `${good}x`]) expect(app.identity.recognize(other)).toBeUndefined()
  revocations.revoke(sid, Date.now() + 600_000)
  expect(app.identity.recognize(good)).toBeUndefined()
})

test('a remembered token is refused once its session is revoked', async () => {
  const sid = '01900000-0000-7000-8000-00000000000a'
  const good = token({ ...payload(), sid })
  expect((await me(`Bearer ${good}`)).statusCode).toBe(200)
  revocations.revoke(sid, Date.now() + 600_000)
  expect((await me(`Bearer ${good}`)).statusCode).toBe(401)
})

test('a remembered token is refused once its key is gone', async () => {
  const good = token()
  expect((await me(`Bearer ${good}`)).statusCode).toBe(200)
  keys.clear()
  expect((await me(`Bearer ${good}`)).statusCode).toBe(401)
})

test('without any keys nobody can be judged: 503, not 401', async () => {
  broken = true
  const answer = await me(`Bearer ${token()}`)
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1'])
})

test('an optional route ignores a bad token and knows a good one', async () => {
  const ask = (bearer: string) =>
    app.inject({ method: 'POST', url: '/api/auth/logout', headers: { authorization: bearer } })
  expect((await ask('Bearer junk')).headers['x-user']).toBe('nobody')
  expect((await ask(`Bearer ${token()}`)).headers['x-user']).toBe(USER)
})

test('an admin route is 401 without, 403 with a user’s, 200 with an admin’s token', async () => {
  const ask = async (bearer?: string) =>
    (await app.inject({ url: '/api/auth/users', headers: bearer ? { authorization: bearer } : {} })).statusCode
  expect([await ask(), await ask(`Bearer ${token()}`), await ask(`Bearer ${token({ ...payload(), role: 'admin' })}`)])
    .toEqual([401, 403, 200])
})

test('a route that states no policy needs a token', async () => {
  expect((await app.inject(`/api/auth/users/${USER}`)).statusCode).toBe(401)
})

test('401 comes before 400', async () => {
  expect((await app.inject('/api/auth/users?limit=x')).statusCode).toBe(401)
})

test('a token that lives longer than ACCESS_TOKEN_TTL is refused: revocations are read back no further', async () => {
  const living = (seconds: number) => me(`Bearer ${token({ ...payload(), exp: payload().iat + seconds })}`)
  expect((await living(700)).statusCode).toBe(200)
  for (const seconds of [701, 7_200, 2 ** 40]) expect((await living(seconds)).statusCode).toBe(401)
  expect(app.identity.stats).toMatchObject({ overlong: 3, size: 1 })
})

test('before the revocations were read a good token cannot be judged: 503; a bad one is 401', async () => {
  const sid = '01900000-0000-7000-8000-00000000000d'
  const list = createRevocationList()
  const started = createServer({ log: pino({ level: 'silent' }) })
  await started.register(identity, {
    keys: { get: (kid) => keys.get(kid), find: (kid) => keys.get(kid) },
    revocations: list,
    issuer: ISSUER,
    accessTokenTtl: 600
  })
  started.route({
    ...routeOf(getMe),
    handler: async (request) => ({
      id: request.principal!.userId,
      email: '',
      emailVerified: true,
      displayName: 'a',
      role: 'user' as const,
      createdAt: ''
    })
  })
  started.route({
    ...routeOf(logout),
    handler: async (request, reply) =>
      reply.code(204).header('x-user', request.principal?.userId ?? 'nobody').send(null as never)
  })
  const authorization = `Bearer ${token({ ...payload(), sid })}`
  const ask = (authorization: string) => started.inject({ url: '/api/auth/me', headers: { authorization } })
  for (let times = 0; times < 2; times++) {
    const answer = await ask(authorization)
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1'])
  }
  expect(started.identity.recognize(authorization)).toBeUndefined()
  expect((await ask(`Bearer ${token(payload(), header, another)}`)).statusCode).toBe(401)
  expect((await started.inject({ method: 'POST', url: '/api/auth/logout', headers: { authorization } }))
    .headers['x-user']).toBe('nobody')
  list.revoke(sid, Date.now() + 600_000)
  list.markComplete()
  expect((await ask(authorization)).statusCode).toBe(401)
  expect((await ask(`Bearer ${token()}`)).statusCode).toBe(200)
  await started.close()
})

test('an optional route works without any keys', async () => {
  broken = true
  const answer = await app.inject({
    method: 'POST',
    url: '/api/auth/logout',
    headers: { authorization: `Bearer ${token(payload(), { ...header, kid: 'k9' })}` }
  })
  expect([answer.statusCode, answer.headers['x-user']]).toEqual([204, 'nobody'])
})
