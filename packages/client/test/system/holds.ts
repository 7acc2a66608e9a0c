import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '@gatepost/testing/eventually'
import type { System } from '@gatepost/testing/system'
import { startTcpProxy } from '@gatepost/testing/tcp-proxy'
import { beforeAll, expect, test } from 'vitest'
import { createClient, type Client, type ClientOptions } from '../../src/index.ts'
import { extentOf, long } from '../support/extent.ts'

/** How long the system's access tokens live. */
export const TOKEN_SECONDS = 5

const SESSION_SECONDS = extentOf(7, 60)
const CUTS = extentOf(4, 50)
const EVENT_SECONDS = extentOf(6, 600)

/** What a client keeps up while tokens expire, answers are cut and servers are restarted. */
export function holds (given: () => System) {
  let system: System
  let accounts = 0
  beforeAll(() => { system = given() })

  async function drainGateway () {
    system.signal('gateway', 'SIGTERM')
    await eventually(() => expect(fetch(`${system.gatewayUrl}/live`)).rejects.toThrow(), { withinMs: 40_000 })
    await system.kill('gateway')
  }

  async function signedUp (options: Partial<ClientOptions> = {}): Promise<Client> {
    const api = createClient({ baseUrl: system.gatewayUrl, ...options })
    const email = `client${++accounts}@example.com`
    await api.register({ body: { email, password: 'correct horse battery', displayName: 'Ada' } })
    return api
  }

  test('calls by the hundred over every expiry of the token: none fails, one refresh for each life', async () => {
    let refreshes = -1 // the registration
    const api = await signedUp({ onSession: () => { refreshes++ } })
    const began = performance.now()
    let done = 0
    while (performance.now() - began < SESSION_SECONDS * 1_000) {
      await Promise.all(Array.from({ length: 100 }, () => api.getMe()))
      done += 100
      await sleep(long ? 100 : 1_500)
    }
    const lives = (performance.now() - began) / (TOKEN_SECONDS * 1_000)
    process.stdout.write(`${done} calls in ${lives.toFixed(1)} lives of a token, ${refreshes} refreshes\n`)
    expect(refreshes).toBeGreaterThan(0)
    expect(refreshes).toBeLessThanOrEqual(lives)
  }, SESSION_SECONDS * 1_000 + 60_000)

  test('a post whose answer is cut is there once', async () => {
    const proxy = await startTcpProxy(system.ports.gateway)
    const direct = await signedUp()
    const api = createClient({ baseUrl: `http://127.0.0.1:${proxy.port}`, session: () => direct.session })
    const count = async () => {
      const ids = new Set<string>()
      const query = { authorId: direct.session!.user.id, limit: 100 }
      for await (const { id } of direct.listPosts.all({ query })) ids.add(id)
      return ids.size
    }
    try {
      for (let cuts = 1; cuts <= CUTS; cuts++) {
        proxy.withhold()
        const post = api.createPost({ body: { title: `number ${cuts}`, content: 'c' } })
        await eventually(async () => expect(await count()).toBe(cuts))
        proxy.cut()
        expect((await post).headers.get('idempotency-replayed')).toBe('true')
      }
      expect(await count()).toBe(CUTS)
    } finally {
      await proxy.stop()
    }
  }, 30_000 + CUTS * 5_000)

  test('events over expiries, restarts of the gateway and one of NATS: none missed, none twice', async () => {
    const [reader, writer] = [await signedUp(), await signedUp()]
    const leaving = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      const events = reader.events({ types: ['posts.post-created.v1'], after: 0, signal: leaving.signal })
      for await (const { subject, data } of events) if (data.authorId === writer.session!.user.id) seen.push(subject)
    })()
    const written: string[] = []
    const enough = new AbortController()
    const work = (async () => {
      while (!enough.signal.aborted) {
        const { body } = await writer.createPost({ body: { title: 't', content: 'c' }, timeoutMs: 60_000 })
        written.push(body.id)
        await sleep(50)
      }
    })()
    await eventually(async () => expect(seen.length).toBeGreaterThan(0))
    const pause = EVENT_SECONDS * 1_000 / (long ? 4 : 2)
    if (long) {
      await sleep(pause)
      await system.kill('gateway')
      await system.startAgain('gateway')
    }
    await sleep(pause)
    await system.kill('nats-server')
    await system.startAgain('nats-server')
    await sleep(pause)
    await drainGateway()
    await system.startAgain('gateway')
    if (long) await sleep(pause)
    enough.abort()
    await work
    await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(written.length), { withinMs: 30_000 })
    leaving.abort()
    await reading
    process.stdout.write(`${written.length} posts, ${seen.length} events\n`)
    expect(seen).toEqual(written)
  }, EVENT_SECONDS * 1_000 + 120_000)
}
