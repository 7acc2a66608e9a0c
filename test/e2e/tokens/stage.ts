import { eventually } from '@gatepost/testing/eventually'
import type { System } from '@gatepost/testing/system'
import { startTcpProxy } from '@gatepost/testing/tcp-proxy'
import { expect } from 'vitest'
import { call, register } from '../client.ts'
import { prepareSecond } from '../second-process.ts'
import { stageOn, UNLIMITED } from '../unlimited-system.ts'

export interface Session {
  accessToken: string
  refreshToken: string
  sessionId: string
}

export type TokenStage = Awaited<ReturnType<typeof startStage>>

/** A system with one user, and another gateway whose way to NATS can be cut. */
export const startStage = () => stageOn(addTo)

async function addTo (system: System) {
  const proxy = await startTcpProxy(system.ports.nats)
  const second = await prepareSecond(system, 'gateway', { env: UNLIMITED, natsPort: proxy.port })
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
    /** Waits, however busy the machine: that a second is enough has a test of its own. */
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
