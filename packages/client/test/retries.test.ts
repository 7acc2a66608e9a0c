import { expect, test } from 'vitest'
import { createClient, NetworkError, ProblemError } from '../src/index.ts'
import { cut, json, post, problem, startScriptedServer, type Step } from './support/scripted-server.ts'

const body = { title: 't', content: 'c' }
const unavailable = problem(503, 'UPSTREAM_UNAVAILABLE')

test('a read is repeated after an answer that was cut and after 503, and waits as Retry-After says', async () => {
  await using server = await startScriptedServer(
    cut,
    problem(503, 'OVERLOADED', { 'retry-after': '1' }),
    json(200, post)
  )
  const api = createClient({ baseUrl: server.url })
  expect((await api.getPost({ params: { id: 'p' } })).body).toEqual(post)
  expect(server.heard).toHaveLength(3)
  expect(server.heard[2]!.at - server.heard[1]!.at).toBeGreaterThanOrEqual(1_000)
})

test('a wait that does not fit into the time of the call is not begun', async () => {
  await using server = await startScriptedServer(problem(429, 'RATE_LIMITED', { 'retry-after': '60' }))
  const error = await createClient({ baseUrl: server.url }).listPosts().catch((error: unknown) => error)
  expect(error).toMatchObject({ name: 'ProblemError', code: 'RATE_LIMITED', status: 429, retryAfter: 60 })
  expect(server.heard).toHaveLength(1)
})

test('a mutation without an idempotency key is sent once, whatever comes', async () => {
  await using server = await startScriptedServer(cut, unavailable)
  const api = createClient({ baseUrl: server.url })
  await expect(api.updatePost({ params: { id: 'p' }, body })).rejects.toMatchObject({ reason: 'unreachable' })
  await expect(api.deletePost({ params: { id: 'p' } })).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
  expect(server.heard).toHaveLength(2)
})

test('createPost gets a key of its own, and keeps it over its repetitions', async () => {
  await using server = await startScriptedServer(
    cut,
    problem(409, 'POSTS_REQUEST_IN_FLIGHT', { 'retry-after': '0' }),
    json(201, post)
  )
  const api = createClient({ baseUrl: server.url })
  expect((await api.createPost({ body })).body.id).toBe('p')
  await api.createPost({ body })
  await api.createPost({ body, headers: { 'idempotency-key': 'mine' } })
  const keys = server.heard.map(({ headers }) => headers['idempotency-key'])
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
  expect(new Set(keys.slice(0, 3)).size).toBe(1)
  expect(keys[3]).not.toBe(keys[0])
  expect(keys[4]).toBe('mine')
})

test('a refusal that waiting does not mend is thrown at once, and its code narrows it', async () => {
  await using server = await startScriptedServer(problem(404, 'POSTS_POST_NOT_FOUND'))
  const error = await createClient({ baseUrl: server.url }).getPost({ params: { id: 'p' } }).catch((error) => error)
  expect(error).toBeInstanceOf(ProblemError)
  if (error instanceof ProblemError && error.code === 'POSTS_POST_NOT_FOUND') error.status satisfies 404
  if (error instanceof ProblemError && error.code === 'AUTH_WEAK_PASSWORD') error.errors[0]!.message satisfies string
  expect(server.heard).toHaveLength(1)
})

test('what is no answer of the API is a NetworkError, which says why', async () => {
  await using server = await startScriptedServer((response) => {
    response.writeHead(403, { 'content-type': 'text/html' }).end('<h1>a proxy</h1>')
  })
  const error = await createClient({ baseUrl: server.url }).getMe().catch((error) => error)
  expect(error).toBeInstanceOf(NetworkError)
  expect(error).toMatchObject({ reason: 'unreadable', status: 403 })
  const nobody = createClient({ baseUrl: 'http://127.0.0.1:9', timeoutMs: 400 })
  await expect(nobody.getMe()).rejects.toMatchObject({ reason: 'unreachable' })
})

test('a call ends with its time, or with its signal', async () => {
  await using server = await startScriptedServer(() => {})
  const api = createClient({ baseUrl: server.url, timeoutMs: 100 })
  await expect(api.getMe()).rejects.toMatchObject({ name: 'NetworkError', reason: 'timeout' })
  const leaving = new AbortController()
  const call = api.getMe({ signal: leaving.signal, timeoutMs: 10_000 })
  leaving.abort(new Error('left'))
  await expect(call).rejects.toThrow('left')
})

test('a time of 1e12 or Infinity is long, and what is no time is refused before anything is sent', async () => {
  const answer: Step = (...given) => { setTimeout(() => json(200, post)(...given), 30) }
  await using server = await startScriptedServer(answer, answer)
  const api = createClient({ baseUrl: server.url })
  for (const timeoutMs of [1e12, Infinity]) expect((await api.getMe({ timeoutMs })).status).toBe(200)
  expect(server.heard).toHaveLength(2)
  for (const timeoutMs of [NaN, -1, 0, -Infinity]) {
    await expect(api.getMe({ timeoutMs })).rejects.toThrow(TypeError)
    expect(() => createClient({ baseUrl: server.url, timeoutMs })).toThrow(TypeError)
  }
  expect(server.heard).toHaveLength(2)
})

test('an id that would be another path is refused before anything is sent', async () => {
  await using server = await startScriptedServer(json(200, post))
  const api = createClient({ baseUrl: server.url })
  for (const id of ['', '.', '..']) await expect(api.getPost({ params: { id } })).rejects.toThrow(TypeError)
  await api.getPost({ params: { id: '../auth/me?x#y' } })
  expect(server.heard.map(({ url }) => url)).toEqual(['/api/posts/..%2Fauth%2Fme%3Fx%23y'])
})

test('a redirect is not followed: it would take the token elsewhere', async () => {
  await using elsewhere = await startScriptedServer(json(200, post))
  await using server = await startScriptedServer((response) => {
    response.writeHead(307, { location: `${elsewhere.url}/` }).end()
  })
  const api = createClient({ baseUrl: server.url, apiKey: 'gp_secret', timeoutMs: 300 })
  await expect(api.getMe()).rejects.toMatchObject({ name: 'NetworkError' })
  expect(elsewhere.heard).toEqual([])
  expect(server.heard[0]!.headers.authorization).toBe('Bearer gp_secret')
})

test('a form is sent as a form', async () => {
  await using server = await startScriptedServer(json(200, { active: false }))
  await createClient({ baseUrl: server.url, apiKey: 'gp_x' }).introspectToken({ body: { token: 'a&b' } })
  expect(server.heard[0]).toMatchObject({
    body: 'token=a%26b',
    headers: { 'content-type': 'application/x-www-form-urlencoded' }
  })
})
