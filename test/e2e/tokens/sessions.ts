import { beforeAll, expect, test } from 'vitest'
import type { TokenStage } from './stage.ts'

/** How the tokens of a session follow each other, and end. */
export function sessions (started: () => TokenStage) {
  let stage: TokenStage
  beforeAll(() => { stage = started() })

  test('tabs that race at two gateways get one successor', async () => {
    const { refreshToken } = await stage.login()
    const gateways = [stage.system.gatewayUrl, stage.second.url]
    const raced = await Promise.all(Array.from({ length: 10 }, (_, tab) =>
      stage.refresh(refreshToken, gateways[tab % 2])
    ))
    expect(raced.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(new Set(raced.map(({ body }) => body.refreshToken)).size).toBe(1)
    expect((await stage.refresh(raced[0]!.body.refreshToken)).status).toBe(200)
  })

  test('a token that was used long ago ends its session everywhere, although the answer is 401', async () => {
    const first = await stage.login()
    const second = await stage.refresh(first.refreshToken)
    const third = await stage.refresh(second.body.refreshToken)
    await stage.alive(third.body.accessToken)
    const reused = await stage.refresh(first.refreshToken, stage.second.url)
    expect([reused.status, reused.body.code]).toEqual([401, 'AUTH_REFRESH_TOKEN_REUSED'])
    await stage.dead(third.body.accessToken)
    expect((await stage.refresh(third.body.refreshToken)).body.code).toBe('AUTH_INVALID_REFRESH_TOKEN')
  })

  test('a text that is no refresh token is refused', async () => {
    const { refreshToken } = await stage.login()
    for (const junk of ['x', `${refreshToken.slice(0, -2)}AA`, 'A'.repeat(4096)]) {
      expect((await stage.refresh(junk)).body.code).toBe('AUTH_INVALID_REFRESH_TOKEN')
    }
  })

  test('a logout counts at every gateway and in every service within a second', { retry: 2 }, async () => {
    const times: number[] = []
    for (let sample = 0; sample < 5; sample++) {
      const session = await stage.login()
      await stage.logout(session)
      const from = performance.now()
      await stage.dead(session.accessToken)
      times.push(performance.now() - from)
    }
    // The middle one, since other tests may hold the machine for a moment.
    expect(times.sort((a, b) => a - b)[2]).toBeLessThan(1_000)
  })

  test('a logout ends the sessions of its scope everywhere, by either token, and twice', async () => {
    const [one, two, three] = [await stage.login(), await stage.login(), await stage.login()]
    const logout = (scope: string, options: object) =>
      stage.post(`/api/auth/logout?scope=${scope}`, options).then(({ status }) => status)
    expect(await logout('local', { token: one.accessToken })).toBe(204)
    await stage.dead(one.accessToken)
    await stage.alive(two.accessToken)
    expect(await logout('others', { token: two.accessToken })).toBe(204)
    await Promise.all([stage.dead(three.accessToken), stage.dead(stage.ada.accessToken)])
    await stage.alive(two.accessToken)
    const four = await stage.login()
    expect(await logout('all', { body: { refreshToken: two.refreshToken } })).toBe(204)
    await Promise.all([stage.dead(two.accessToken), stage.dead(four.accessToken)])
    expect([
      await logout('local', { token: one.accessToken }),
      await logout('all', { body: { refreshToken: two.refreshToken } })
    ]).toEqual([204, 204])
  })
}
