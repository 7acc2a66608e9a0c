import { eventually } from '@gatepost/testing/eventually'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { call } from '../client.ts'
import { streamStatus, type TokenStage } from './stage.ts'

/** Logouts that a gateway does not hear of at once, since it is down or cut off from NATS. */
export function cutOff (started: () => TokenStage) {
  let stage: TokenStage
  beforeAll(() => { stage = started() })
  afterEach(() => stage.proxy.open())

  const readiness = async () => {
    const { status, body } = await call(stage.second.url, 'GET', '/ready')
    return [status, body.checks.nats.status, body.checks.revocations.status]
  }
  const becomes = (...expected: unknown[]) =>
    eventually(async () => expect(await readiness()).toEqual(expected), { withinMs: 15_000 })
  const knows = (token: string) => streamStatus(stage.second.url, token)

  async function staleSeconds () {
    const { body } = await call(stage.second.opsUrl, 'GET', '/metrics')
    return Number(/^gatepost_revocations_stale_seconds(?:\{[^}]*\})? ([\d.]+)$/m.exec(body)?.[1])
  }

  test('a gateway that starts knows which sessions were revoked before and while it was down', async () => {
    const [before, meanwhile, living] = [await stage.login(), await stage.login(), await stage.login()]
    await stage.logout(before)
    await stage.second.kill()
    await stage.logout(meanwhile)
    stage.second.start()
    await stage.second.ready()
    expect(await Promise.all([before, meanwhile, living].map(({ accessToken }) => knows(accessToken))))
      .toEqual([401, 401, 200])
  })

  test('a gateway that is cut off goes on and says how stale it is, and the services still refuse', async () => {
    const session = await stage.login()
    stage.proxy.close()
    await becomes(200, 'degraded', 'degraded')
    expect(await staleSeconds()).toBeGreaterThan(5)
    await stage.logout(session)
    const { accessToken: token } = session
    const read = () => call(stage.second.url, 'GET', '/api/posts', { token })
    await eventually(async () => expect((await read()).status).toBe(401))
    expect(await knows(token)).toBe(200)
  }, 60_000)

  test('a gateway that starts cut off takes no requests before it has read the logouts that it missed', async () => {
    const session = await stage.login()
    await stage.second.kill()
    stage.proxy.close()
    await stage.logout(session)
    stage.second.start()
    await eventually(async () => {
      const [status, , revocations] = await readiness()
      expect([status, revocations]).toEqual([503, 'down'])
    }, { withinMs: 15_000 })
    stage.proxy.open()
    await stage.second.ready()
    expect(await knows(session.accessToken)).toBe(401)
    expect(await staleSeconds()).toBeLessThan(5)
  }, 60_000)

  test('a gateway that ran through a cut learns of the logouts without a restart', async () => {
    const session = await stage.login()
    stage.proxy.close()
    await eventually(async () => expect((await readiness())[1]).toBe('degraded'))
    await stage.logout(session)
    expect(await knows(session.accessToken)).toBe(200)
    stage.proxy.open()
    await eventually(async () => expect(await knows(session.accessToken)).toBe(401))
  }, 60_000)
}
