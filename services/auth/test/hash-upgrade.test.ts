import { createLog } from '@gatepost/service-kit/log'
import { createRegistry } from '@gatepost/service-kit/metrics'
import { hashSync } from '@node-rs/argon2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPasswordChecker } from '../src/attempts/password-check.ts'
import { createAuthMetrics } from '../src/auth-metrics.ts'
import { createPasswordHasher } from '../src/passwords/password-hasher.ts'
import { deriveMacKey } from '../src/secrets.ts'
import { createLoginService } from '../src/sessions/login-service.ts'
import { type AuthServer, CHEAP_HASH, PASSWORD, startAuth, TOKEN_SECRET } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

test('a login succeeds although its hash cannot be upgraded now', async () => {
  const { email, user } = await auth.register()
  await auth.sql('UPDATE users SET password_hash = $1 WHERE id = $2', hashSync(PASSWORD, CHEAP_HASH), user.id)
  const { store: database } = auth
  const hasher = await createPasswordHasher({ concurrency: 1, queue: 0 })
  const letGo = new AbortController()
  let busy: Promise<void> | undefined
  // Every place is taken once a password was judged.
  const accessExpiry = () => {
    busy ??= (async () => { while (!letGo.signal.aborted) await hasher.create('holds the only place') })()
    return new Date(Date.now() + 60_000)
  }
  const tokens = {
    accessExpiry,
    issue: () => ({}) as never,
    issueAccess: () => ({}) as never,
    readRefreshToken: () => null
  }
  const { login } = createLoginService({
    database,
    hasher,
    tokens,
    checker: createPasswordChecker({
      database,
      hasher,
      attemptKey: deriveMacKey(TOKEN_SECRET, 'login-attempts'),
      metrics: createAuthMetrics(createRegistry('auth'))
    }),
    lifetimes: { idleSeconds: 60, absoluteSeconds: 60 },
    maxSessions: 100,
    isUsable: () => true,
    onMail: () => {},
    log: createLog('auth', 'silent'),
    onEvents: () => {}
  })
  const origin = { address: null, network: 'unknown', userAgent: null, requestId: 'upgrade', traceparent: '' }
  const outcome = await login({ email, password: PASSWORD, origin }).catch(({ code }) => code)
  letGo.abort()
  await busy
  expect(outcome).toEqual({})
  expect(await auth.sql("SELECT act FROM audit_log WHERE user_id = $1 AND act = 'login'", user.id)).toHaveLength(1)
})
