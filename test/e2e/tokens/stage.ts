import { eventually } from '@gatepost/testing/eventually'
import { startSystem, type System } from '@gatepost/testing/system'
import { startTcpProxy } from '@gatepost/testing/tcp-proxy'
import { expect } from 'vitest'
import { call, register } from '../client.ts'
import { prepareSecond } from '../second-process.ts'

/** A condition is waited for, however busy the machine; that a second is enough has a test of its own. */
const LIMITS = { RATE_LIMIT_MAX: '1000000', SENSITIVE_RATE_LIMIT_MAX: '100000' }

export interface Session {
  accessToken: string
  refreshToken: string
  sessionId: string
}

export type TokenStage = Awaited<ReturnType<typeof startStage>>

/** A system with one user, and another gateway whose way to NATS can be cut. */
export async function startStage () {
  const system = await startSystem({ env: LIMITS })
  try {
    return await stageOn(system)
  } catch (error) {
    await system.stop()
    throw error
  }
}

async function stageOn (system: System) {
  const proxy = await startTcpProxy(system.ports.nats)
  const second = await prepareSecond(system, 'gateway', { env: LIMITS, natsPort: proxy.port })
  second.start()
  const ada = await register(system.gatewayUrl, 'Ada')
  await second.ready()

  const post = (path: string, options: Parameters<typeof call>[3] = {}) =>
    call(system.gatewayUrl, 'POST', path, options)

  /** The status of a protected call at each gateway and at each service itself. */
  function statuses (token: string) {
    const doors = [
      [system.gatewayUrl, '/api/auth/me'],
      [system.gatewayUrl, '/api/posts'],
      [second.url, '/api/auth/me'],
      [second.url, '/api/posts'],
      [system.authUrl, '/api/auth/me'],
      [system.postsUrl, '/api/posts'],
      [system.feedUrl, '/api/feed']
    ] as const
    return Promise.all(doors.map(async ([origin, path]) => (await call(origin, 'GET', path, { token })).status))
  }
  return {
    system,
    proxy,
    second,
    ada,
    post,
    login: async (): Promise<Session> =>
      (await post('/api/auth/login', { body: { email: ada.email, password: ada.password } })).body,
    logout: async ({ accessToken }: Session) =>
      expect((await post('/api/auth/logout', { token: accessToken })).status).toBe(204),
    refresh: (refreshToken: string, gateway = system.gatewayUrl) =>
      call(gateway, 'POST', '/api/auth/refresh-token', { body: { refreshToken } }),
    dead: (token: string) => eventually(async () => expect(await statuses(token)).toEqual(Array(7).fill(401))),
    alive: async (token: string) => expect(await statuses(token)).toEqual(Array(7).fill(200)),
    async stop () {
      await second.kill()
      await proxy.stop()
      await system.stop()
    }
  }
}

/** The status of a call that the gateway answers by what it knows itself. The stream is left at once. */
export async function streamStatus (gateway: string, token: string) {
  const leaving = new AbortController()
  const { status } = await fetch(`${gateway}/api/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: leaving.signal
  })
  leaving.abort()
  return status
}

export const kidOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid
