import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call } from '../client.ts'
import { runCommand } from '../command.ts'
import { kidOf, type TokenStage } from './stage.ts'

/** Keys are published before they sign, and a rotation costs nobody a call. */
export function signingKeys (started: () => TokenStage) {
  let stage: TokenStage
  beforeAll(() => { stage = started() })
  afterAll(() => stage.proxy.open())

  test('keys are public and cacheable through the gateway, and tokens carry nothing personal', async () => {
    const { accessToken } = await stage.login()
    const { headers, body } = await call(stage.second.url, 'GET', '/.well-known/jwks.json')
    expect(headers.get('cache-control')).toMatch(/public, max-age=\d+/)
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).toContain(kidOf(accessToken))
    expect(JSON.stringify(body)).not.toContain('"d"')
    expect(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()).not.toMatch(/@|Ada/)
    await stage.alive(accessToken)
  })

  test('keys rotate without a single 401 at two gateways, one of them cut off from NATS', async () => {
    const older = await stage.login()
    let { accessToken, refreshToken } = await stage.login()
    const gateways = [stage.system.gatewayUrl, stage.second.url]
    stage.proxy.close()
    const failures: string[] = []
    const seen = new Map<string, number>()
    const stopping = new AbortController()
    const clients = gateways.map(async (gateway) => {
      while (!stopping.signal.aborted) {
        const token = accessToken
        for (const path of ['/api/auth/me', '/api/posts', '/api/feed']) {
          const { status, body } = await call(gateway, 'GET', path, { token })
          if (status !== 200) failures.push(`${status} ${path} ${JSON.stringify(body)}`)
        }
        seen.set(gateway + kidOf(token), (seen.get(gateway + kidOf(token)) ?? 0) + 1)
        await sleep(5)
      }
    })
    const { stdout } = await runCommand(stage.system, 'keys', 'rotate')
    const fresh = /^([\w-]{43}) signs from now on/m.exec(stdout)![1]!
    expect(fresh).not.toBe(kidOf(older.accessToken))
    await eventually(async () => {
      ;({ accessToken, refreshToken } = (await stage.refresh(refreshToken)).body)
      expect(kidOf(accessToken)).toBe(fresh)
    }, { withinMs: 15_000 })
    await eventually(() => {
      for (const gateway of gateways) expect(seen.get(gateway + fresh)).toBeGreaterThan(5)
    })
    for (const gateway of gateways) {
      expect((await call(gateway, 'GET', '/api/posts', { token: older.accessToken })).status).toBe(200)
    }
    stopping.abort()
    await Promise.all(clients)
    expect(failures).toEqual([])
  }, 60_000)
}
