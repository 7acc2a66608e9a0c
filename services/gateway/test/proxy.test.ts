import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { POST_ID, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway

beforeAll(async () => { gateway = await startGateway() })
beforeEach(() => {
  gateway.upstream.received.length = 0
  gateway.upstream.handler = (_request, response) => {
    response.setHeader('content-type', 'application/json').end('{"ok":true}')
  }
})
afterAll(async () => { await gateway.stop() })

const json = (body: unknown) => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json' }
})
const last = () => gateway.upstream.received.at(-1)!

test('a read reaches its service and comes back', async () => {
  const answer = await gateway.call('/api/posts?limit=5')
  expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
  expect(last()).toMatchObject({ method: 'GET', url: '/api/posts?limit=5' })
})

test('a body is forwarded as the bytes that came', async () => {
  const bytes = '{"title" : "a", "content":"\\u00e9 \\u2028"  }'
  const answer = await gateway.call('/api/posts', json(bytes))
  expect(answer.status).toBe(200)
  expect(last().body.toString()).toBe(bytes)
  expect(last().headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(bytes))
  })
})

test('what does not fit the contract is refused before the service is called', async () => {
  const answer = await gateway.call('/api/posts', json({ title: 'a', content: 'b', role: 'admin' }))
  expect(answer.status).toBe(400)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(await answer.json()).toMatchObject({
    code: 'REQUEST_INVALID',
    errors: [{ path: '/body/role', message: 'is not known here' }]
  })
  expect(gateway.upstream.received).toEqual([])
})

test('a protected call without a token is 401, also when its body is wrong', async () => {
  const answer = await gateway.fetch('/api/posts', json({ nonsense: true }))
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="gatepost"'])
  expect(gateway.upstream.received).toEqual([])
})

test('HEAD is served like GET, without a body', async () => {
  const answer = await gateway.call(`/api/posts/${POST_ID}`, { method: 'HEAD' })
  expect([answer.status, await answer.text()]).toEqual([200, ''])
  expect(last().method).toBe('HEAD')
})

test.each([304, 204])(
  'a %i that tells the length of a body it does not have is an answer like another',
  async (status) => {
    gateway.upstream.handler = (_request, response) => {
      response.socket!.write(`HTTP/1.1 ${status} Whatever\r\netag: "7"\r\ncontent-length: 1234\r\n\r\n`)
    }
    for (let i = 0; i < 8; i++) { // more often than an instance may fail before it is left out
      const answer = await gateway.call(`/api/posts/${POST_ID}`, { headers: { 'if-none-match': '"7"' } })
      expect([answer.status, answer.headers.get('etag'), await answer.text()]).toEqual([status, '"7"', ''])
      expect(answer.headers.get('content-length')).toBe(status === 304 ? '1234' : null)
    }
    expect(await gateway.registry.metrics())
      .toMatch(/gatepost_upstream_consecutive_failures\{[^}]*upstream="posts"[^}]*\} 0/)
  }
)
