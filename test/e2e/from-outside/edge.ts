import { beforeAll, expect, test } from 'vitest'
import { operations } from '@gatepost/contracts/operations'
import { problems } from '@gatepost/contracts/problems'
import type { System } from '@gatepost/testing/system'
import { call, register, type Account, type Answer } from '../client.ts'

const UNKNOWN = '01900000-0000-7000-8000-000000000000'

/** What the contract says of every operation, and of what is none. */
export function edge (started: () => System) {
  let system: System
  let ada: Account

  beforeAll(async () => {
    system = started()
    ada = await register(system.gatewayUrl, 'Ada')
  })

  const ask = (method: string, path: string, options = {}) => call(system.gatewayUrl, method, path, options)

  function expectProblem (answer: Answer, status: number) {
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(answer.body).toMatchObject({
      status,
      type: `/problems/${answer.body.code}`,
      requestId: answer.headers.get('x-request-id')
    })
    expect(problems).toHaveProperty(answer.body.code)
    expect(answer.body.title && answer.body.detail && answer.body.instance).toBeTruthy()
  }

  const closed = operations.filter(({ auth, url }) => url.startsWith('/api') && (auth === 'user' || auth === 'admin'))
  test.each(closed.map(({ id, method, url }) => [id, method, url] as const))(
    '%s without a token is 401 before anything else',
    async (_id, method, url) => {
      const answer = await ask(
        method,
        `${url.replace(/:\w+/g, 'not-an-id')}?unknown=1`,
        method === 'GET' ? {} : { body: { nonsense: true } }
      )
      expectProblem(answer, 401)
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
    }
  )

  test.each(operations.filter(({ service }) => service !== 'gateway').map(({ id, url }) => [id, url] as const))(
    '%s with a method that its path does not know is 405 with Allow',
    async (_id, url) => {
      const answer = await ask('PUT', url.replace(/:\w+/g, UNKNOWN), { token: ada.accessToken, body: {} })
      expectProblem(answer, 405)
      expect(answer.headers.get('allow')).toMatch(/[A-Z]/)
    }
  )

  test('an unknown path is 404', async () => {
    expectProblem(await ask('GET', '/api/nothing', { token: ada.accessToken }), 404)
    expectProblem(await ask('GET', '/nothing'), 404)
  })

  test.each([
    ['POST', '/api/posts', { title: 'a' }, '/body/content'],
    ['POST', '/api/posts', { title: 'a', content: 'b', authorId: UNKNOWN }, '/body/authorId'],
    ['POST', '/api/posts', { title: 1, content: 'b' }, '/body/title'],
    ['PATCH', `/api/posts/${UNKNOWN}`, {}, '/body'],
    ['GET', '/api/posts?limit=0', undefined, '/query/limit'],
    ['GET', '/api/posts?x=1', undefined, '/query/x'],
    ['GET', '/api/posts?limit=1&limit=2', undefined, '/query/limit'],
    ['GET', '/api/posts/1', undefined, '/params/id'],
    ['GET', `/api/posts/urn:uuid:${UNKNOWN}`, undefined, '/params/id']
  ])('%s %s %j is 400 and names %s', async (method, path, body, where) => {
    const answer = await ask(method, path, { token: ada.accessToken, body })
    expectProblem(answer, 400)
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(where)
  })

  test('a malformed If-Match is 400 at /headers/if-match', async () => {
    const { body: post } = await ask('POST', '/api/posts', {
      token: ada.accessToken,
      body: { title: 't', content: 'c' }
    })
    const answer = await ask('PATCH', `/api/posts/${post.id}`, {
      token: ada.accessToken,
      body: { title: 'x' },
      headers: { 'if-match': 'not quoted' }
    })
    expectProblem(answer, 400)
    expect(answer.body.errors[0].path).toBe('/headers/if-match')
  })

  test('registration: taken address 409 whatever its case, weak password 422, Session with no-store', async () => {
    const body = { email: ada.email.toUpperCase(), password: 'a good long password', displayName: 'x' }
    expectProblem(await ask('POST', '/api/auth/register', { body }), 409)
    for (const password of ['password', '12345678', 'short', 'fresh@example.com']) {
      const answer = await ask('POST', '/api/auth/register', {
        body: { ...body, email: 'fresh@example.com', password }
      })
      expect([password, answer.status, answer.body.code]).toEqual([password, 422, 'AUTH_WEAK_PASSWORD'])
    }
    const answer = await ask('POST', '/api/auth/login', { body: { email: ada.email, password: ada.password } })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(answer.body).sort()).toEqual([
      'accessToken',
      'expiresIn',
      'refreshToken',
      'sessionId',
      'tokenType',
      'user'
    ])
  })

  test('a wrong password and an unknown account answer the same', async () => {
    const wrong = await ask('POST', '/api/auth/login', { body: { email: ada.email, password: 'wrong password here' } })
    const unknown = await ask('POST', '/api/auth/login', {
      body: { email: 'nobody@example.com', password: 'wrong password here' }
    })
    expectProblem(wrong, 401)
    expect({ ...wrong.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' })
  })

  test('validate-token answers for any text', async () => {
    for (const token of ['', 'x', 'a.b.c', '{}', ada.refreshToken]) {
      expect((await ask('POST', '/api/auth/validate-token', { body: { token } })).body).toEqual({ active: false })
    }
    const good = await ask('POST', '/api/auth/validate-token', { body: { token: ada.accessToken } })
    expect(good.body).toMatchObject({ active: true, userId: ada.userId, sessionId: ada.sessionId, role: 'user' })
  })

  test('refresh: the successor works, the old one again is the same successor, junk is 401', async () => {
    const session = (await ask('POST', '/api/auth/login', { body: { email: ada.email, password: ada.password } })).body
    const refresh = (refreshToken: string) => ask('POST', '/api/auth/refresh-token', { body: { refreshToken } })
    const [one, two] = await Promise.all([refresh(session.refreshToken), refresh(session.refreshToken)])
    expect([one.status, two.status]).toEqual([200, 200])
    expect(one.body.refreshToken).toBe(two.body.refreshToken)
    expect((await refresh(one.body.refreshToken)).status).toBe(200)
    const reused = await refresh(session.refreshToken)
    expect([reused.status, reused.body.code]).toEqual([401, 'AUTH_REFRESH_TOKEN_REUSED'])
    expect((await refresh('junk')).body.code).toBe('AUTH_INVALID_REFRESH_TOKEN')
  })

  test('logging out is idempotent, and kills the token for everything else', async () => {
    const { body: session } = await ask('POST', '/api/auth/login', {
      body: { email: ada.email, password: ada.password }
    })
    const logout = (options: object) => ask('POST', '/api/auth/logout', options)
    expect((await logout({ token: session.accessToken })).status).toBe(204)
    expect((await ask('GET', '/api/auth/me', { token: session.accessToken })).status).toBe(401)
    expect((await logout({ token: session.accessToken })).status).toBe(204)
    expect((await logout({ body: { refreshToken: session.refreshToken } })).status).toBe(204)
    expectProblem(await logout({ token: 'junk' }), 401)
    expectProblem(await logout({}), 401)
  })

  test('security headers are everywhere, and no server names itself', async () => {
    for (
      const answer of [
        await ask('GET', '/api/posts', { token: ada.accessToken }),
        await ask('GET', '/nothing'),
        await ask('GET', '/live')
      ]
    ) {
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toBeTruthy()
      expect(answer.headers.get('server') ?? answer.headers.get('x-powered-by')).toBeNull()
      expect(answer.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9_-]{8,64}$/)
    }
  })

  test('CORS: a listed origin is named, another is not', async () => {
    const preflight = (origin: string) =>
      ask('OPTIONS', '/api/posts', {
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type'
        }
      })
    expect((await preflight('https://app.example')).headers.get('access-control-allow-origin'))
      .toBe('https://app.example')
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
  })

  test('the documents are served: OpenAPI 3.1, AsyncAPI 3.0, their pages, a page for each problem', async () => {
    expect((await ask('GET', '/openapi.json')).body.openapi).toMatch(/^3\.1/)
    expect((await ask('GET', '/asyncapi.json')).body.asyncapi).toMatch(/^3\.0/)
    for (const path of ['/docs', '/docs/events', '/problems/TOKEN_INVALID']) {
      const answer = await ask('GET', path)
      expect([path, answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([path, 200, 'text/html'])
    }
  })

  test('probes and metrics: live, ready with named checks, metrics on the operations port alone', async () => {
    expect((await ask('GET', '/live')).status).toBe(200)
    const ready = await ask('GET', '/ready')
    expect(ready.status).toBe(200)
    expect(Object.keys(ready.body.checks).length).toBeGreaterThan(2)
    expect((await ask('GET', '/metrics')).status).toBe(404)
    for (const port of [system.ports.gatewayOps, system.ports.authOps, system.ports.postsOps, system.ports.feedOps]) {
      expect((await call(`http://127.0.0.1:${port}`, 'GET', '/metrics')).body).toContain('http_requests_total')
    }
  })

  test('nothing secret is in a log', () => {
    const everything = [...system.output.values()].join('')
    expect(everything).toContain('"request')
    for (const secret of [ada.password, ada.accessToken, ada.refreshToken, ada.email]) {
      expect(everything).not.toContain(secret)
    }
  })
}
