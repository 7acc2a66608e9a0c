import { expect, test } from 'vitest'
import { createClient, type Session } from '../src/index.ts'
import { json, problem, session, startScriptedServer, type Step } from './support/scripted-server.ts'

/** Answers a token that is good now, and refreshes the one before; counts both. */
function rotating ({ first, delayMs = 20 }: { first: Session, delayMs?: number }) {
  const state = { current: first, refreshes: 0, over: false }
  const step: Step = (response, { url, headers, body }) => {
    if (state.over) return problem(401, 'AUTH_INVALID_REFRESH_TOKEN')(response, undefined as never)
    if (url.endsWith('/refresh-token')) {
      if (JSON.parse(body).refreshToken !== state.current.refreshToken) {
        return problem(401, 'AUTH_REFRESH_TOKEN_REUSED')(response, undefined as never)
      }
      state.refreshes++
      state.current = session({ sessionId: first.sessionId })
      const next = state.current
      setTimeout(() => json(200, next)(response, undefined as never), delayMs)
    } else if (url.includes('/logout')) response.writeHead(204).end()
    else if (headers.authorization === `Bearer ${state.current.accessToken}`) {
      json(200, { id: 'u' })(response, undefined as never)
    } else problem(401, 'TOKEN_INVALID')(response, undefined as never)
  }
  return { state, step }
}

const expired = (of: Session): Session => ({ ...of, accessToken: 'expired' })

test('one refresh serves any number of concurrent calls, each of which is repeated once', async () => {
  const first = session()
  const { state, step } = rotating({ first })
  await using server = await startScriptedServer(step)
  const changes: (Session | undefined)[] = []
  const api = createClient({
    baseUrl: server.url,
    session: expired(first),
    onSession: (session) => { changes.push(session) }
  })
  await Promise.all(Array.from({ length: 50 }, () => api.getMe()))
  expect(state.refreshes).toBe(1)
  expect(changes).toEqual([state.current])
  expect(server.heard.filter(({ url }) => url.endsWith('/me')).length).toBeLessThanOrEqual(100)
})

test('a token whose time is over is refreshed before it is used, by a clock that starts when it came', async () => {
  const first = session()
  const { state, step } = rotating({ first })
  await using server = await startScriptedServer(json(200, { ...first, expiresIn: 0 }), step)
  const api = createClient({ baseUrl: server.url })
  await api.login({ body: { email: 'e', password: 'p' } })
  await api.getMe()
  expect(state.refreshes).toBe(1)
  expect(server.heard.map(({ url }) => url.split('/').at(-1))).toEqual(['login', 'refresh-token', 'me'])
})

test('a session that is over is told of, and its calls are refused as it was', async () => {
  const first = session()
  const { state, step } = rotating({ first })
  state.over = true
  await using server = await startScriptedServer(step)
  const changes: (Session | undefined)[] = []
  const api = createClient({ baseUrl: server.url, session: first, onSession: (session) => { changes.push(session) } })
  const outcomes = await Promise.allSettled([api.getMe(), api.getMe()])
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'AUTH_INVALID_REFRESH_TOKEN' } })
  }
  expect(changes).toEqual([undefined])
  expect(api.session).toBeUndefined()
})

test('a refresh that fails for the network’s sake keeps the session', async () => {
  const first = session()
  await using server = await startScriptedServer(
    problem(401, 'TOKEN_INVALID'),
    problem(503, 'UPSTREAM_UNAVAILABLE', { 'retry-after': '99' })
  )
  const api = createClient({ baseUrl: server.url, session: first })
  await expect(api.updateMe({ body: { displayName: 'x' } })).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
  expect(api.session).toEqual(first)
})

test('a login during a refresh of the session before it is what counts', async () => {
  const first = session()
  const { step } = rotating({ first, delayMs: 100 })
  const other = session({ sessionId: 'another' })
  await using server = await startScriptedServer((response, heard) =>
    heard.url.endsWith('/login') ? json(200, other)(response, heard) : step(response, heard)
  )
  const api = createClient({ baseUrl: server.url, session: expired(first) })
  const call = api.getMe().catch(() => undefined)
  await expect.poll(() => server.heard.some(({ url }) => url.endsWith('/refresh-token'))).toBe(true)
  await api.login({ body: { email: 'e', password: 'p' } })
  await call
  expect(api.session).toEqual(other)
})

test('tabs share a refresh, and a logout ends them all', async () => {
  const first = session()
  const { state, step } = rotating({ first })
  await using server = await startScriptedServer(step)
  const tabs = Array.from({ length: 5 }, () => createClient({ baseUrl: server.url, session: expired(first) }))
  await Promise.all(tabs.flatMap((tab) => Array.from({ length: 10 }, () => tab.getMe())))
  expect(state.refreshes).toBe(1)
  await tabs[0]!.logout()
  await expect.poll(() => tabs.map(({ session }) => session)).toEqual(tabs.map(() => undefined))
})

test('a tab that slept reads what another one stored, and presents no token that was used long ago', async () => {
  const first = session()
  const { state, step } = rotating({ first })
  await using server = await startScriptedServer(step)
  let stored: Session | undefined = expired(first)
  const store = { session: () => stored, onSession: (session: Session | undefined) => { stored = session } }
  const sleeper = createClient({ baseUrl: server.url, ...store })
  await sleeper.getMe() // knows the second session now
  stored = state.current = session({ sessionId: `${first.sessionId}` }) // and another process has the third
  await sleeper.getMe()
  expect(state.refreshes).toBe(1)
})

test('an API key is sent as it is, and never refreshed', async () => {
  await using server = await startScriptedServer(problem(401, 'TOKEN_INVALID'))
  const api = createClient({ baseUrl: server.url, apiKey: 'gp_x' })
  await expect(api.getMe()).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
  expect(server.heard.map(({ headers }) => headers.authorization)).toEqual(['Bearer gp_x'])
})

test('a call that needs no token sends none', async () => {
  await using server = await startScriptedServer(json(200, { active: false }))
  await createClient({ baseUrl: server.url, session: session() }).validateToken({ body: { token: 'x' } })
  expect(server.heard[0]!.headers.authorization).toBeUndefined()
})
