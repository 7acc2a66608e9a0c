import { createRegistry } from '@gatepost/service-kit/metrics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attemptCounters } from '../src/attempts/attempt-limits.ts'
import { loginFactsRepository } from '../src/attempts/login-facts-repository.ts'
import { createPasswordChecker } from '../src/attempts/password-check.ts'
import { createAuthMetrics } from '../src/auth-metrics.ts'
import { createPasswordHasher, type PasswordHasher } from '../src/passwords/password-hasher.ts'
import { deriveMacKey } from '../src/secrets.ts'
import { sessionStartRepository } from '../src/sessions/session-start-repository.ts'
import { type AuthServer, CHEAP_HASH, PASSWORD, startAuth, TOKEN_SECRET } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

const GUESSER = '198.51.100.1'
const attemptKey = deriveMacKey(TOKEN_SECRET, 'login-attempts')
const checkerWith = (hasher: PasswordHasher) =>
  createPasswordChecker({
    database: auth.store,
    hasher,
    attemptKey,
    metrics: createAuthMetrics(createRegistry('auth'))
  })
const originAt = (address: string) => ({ address, network: address, userAgent: null, requestId: 'id', traceparent: '' })

async function fail (email: string, from: string) {
  for (let attempt = 0; attempt < 10; attempt++) await auth.login(email, 'certainly not it', from)
}

test('a locked attempt is refused before anything is hashed, even while no place to hash is free', async () => {
  const { email } = await auth.register()
  await fail(email, GUESSER)
  const hasher = await createPasswordHasher({ concurrency: 1, queue: 0 })
  const checker = checkerWith(hasher)
  const letGo = new AbortController()
  const busy = (async () => {
    while (!letGo.signal.aborted) await hasher.create('holds the only place')
  })()
  const check = (who: string) =>
    checker.check({
      email: who,
      password: PASSWORD,
      origin: who === email ? originAt(GUESSER) : originAt('198.51.100.2'),
      failureAct: 'login-failed'
    })
  await expect.poll(() => check('not-locked@example.test').catch(({ code }) => code)).toBe('OVERLOADED')
  await expect(check(email)).rejects.toMatchObject({ code: 'AUTH_TOO_MANY_ATTEMPTS' })
  letGo.abort()
  await busy
})

test('a right password that was judged before a lock begins no session after it', async () => {
  const { email, user } = await auth.register()
  const from = '198.51.100.3'
  const counters = attemptCounters(attemptKey, email, from)
  const { account } = await loginFactsRepository.find(auth.store.sql, { emailKey: email, network: from, counters })
  await fail(email, from)
  const outcome = await sessionStartRepository.begin(auth.store.sql, {
    account: account!,
    act: 'login',
    accessExpiry: new Date(Date.now() + 60_000),
    lifetimes: { idleSeconds: 60, absoluteSeconds: 60 },
    origin: originAt(from),
    counters: [counters.pair, counters.network, counters.account],
    room: 100
  })
  expect(outcome).toEqual({ begun: null, lockedSeconds: expect.any(Number), crowded: false, newDevice: false })
  expect(await auth.sql('SELECT id FROM sessions WHERE user_id = $1', user.id)).toHaveLength(1)
})

test('a caller whose address has just passed to another account is not judged by its password', async () => {
  const [caller, other] = [await auth.register(), await auth.register()]
  const checker = checkerWith(await createPasswordHasher({ concurrency: 1, parameters: CHEAP_HASH }))
  const attempt = { password: PASSWORD, origin: originAt('198.51.100.4'), failureAct: 'account-delete-failed' } as const
  const account = { ...caller.user, createdAt: new Date() }
  await expect(checker.checkOwn({ ...account, email: other.email }, attempt)).rejects.toMatchObject({
    code: 'AUTH_WRONG_PASSWORD'
  })
  expect(await checker.checkOwn(account, attempt)).toMatchObject({ id: caller.user.id })
})
