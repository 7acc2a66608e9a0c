import { eventually } from '@gatepost/testing/eventually'
import type { System } from '@gatepost/testing/system'
import { expect } from 'vitest'
import { call, register } from '../client.ts'
import { mailsIn } from '../mailbox.ts'
import { RawSubscriber } from '../raw-nats.ts'
import { prepareSecond } from '../second-process.ts'
import { stageOn, UNLIMITED } from '../unlimited-system.ts'

export const PASSWORD = 'violet tram 92 over Dresden'

export type AccountStage = Awaited<ReturnType<typeof startStage>>

/** A system with two users, and an auth with REQUIRE_EMAIL_VERIFICATION behind a gateway of its own. */
export const startStage = () => stageOn(addTo)

async function addTo (system: System) {
  const verifyingAuth = await prepareSecond(system, 'auth', { env: { REQUIRE_EMAIL_VERIFICATION: 'true' } })
  const verifying = await prepareSecond(system, 'gateway', { env: { ...UNLIMITED, AUTH_URL: verifyingAuth.url } })
  verifyingAuth.start()
  verifying.start()
  const subscriber = await RawSubscriber.connect(system.natsUrl, 'events.>')
  const ada = await register(system.gatewayUrl, 'Ada')
  const ben = await register(system.gatewayUrl, 'Ben')
  await Promise.all([verifyingAuth.ready(), verifying.ready()])

  const ask = (method: string, path: string, options: Parameters<typeof call>[3] = {}) =>
    call(system.gatewayUrl, method, path, options)
  const post = (path: string, options: Parameters<typeof call>[3] = {}) => ask('POST', path, options)
  return {
    system,
    verifyingAuth,
    verifying,
    subscriber,
    ada,
    ben,
    mails: mailsIn(system.dataDir),
    ask,
    post,
    get: (path: string, token: string) => ask('GET', path, { token }),
    register: (displayName: string) => register(system.gatewayUrl, displayName),
    login: (email: string, password: string, headers?: Record<string, string>) =>
      post('/api/auth/login', { body: { email, password }, headers }),
    /** Waits until both gateways refuse the tokens. */
    dead: (...tokens: string[]) =>
      eventually(async () => {
        for (const gateway of [system.gatewayUrl, verifying.url]) {
          for (const token of tokens) {
            expect((await call(gateway, 'GET', '/api/posts', { token })).status).toBe(401)
          }
        }
      }),
    async stop () {
      subscriber.close()
      await Promise.all([verifying.kill(), verifyingAuth.kill()])
      await system.stop()
    }
  }
}
