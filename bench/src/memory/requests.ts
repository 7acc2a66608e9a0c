import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { Pool } from 'undici'
import { POST_PATH } from '../gateway/upstream.ts'

export const BODY_LIMIT = 65_536
const ADDRESSES = 1_000
const body = JSON.stringify({ title: 'A title', content: 'x'.repeat(600) })

export interface Kind {
  name: string
  /** Out of a hundred requests. */
  share: number
  /** Makes the n-th request; resolves with the status, or `left` when the client did not wait for it. */
  send: (n: number) => Promise<number | 'left'>
  expected: Array<number | 'left'>
}

interface Target {
  port: number
  tokens: readonly string[]
  forged: readonly string[]
}

/** Requests of a bad day, each kind with its share. */
export function kindsOf ({ port, tokens, forged }: Target) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 24, pipelining: 1 })
  const from = (n: number) => ({ 'x-forwarded-for': `10.0.${(n % ADDRESSES) >> 8}.${(n % ADDRESSES) & 255}` })
  const bearer = (n: number) => ({ authorization: `Bearer ${tokens[n % tokens.length]}` })

  async function call (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    headers: Record<string, string>,
    content?: string | AsyncIterable<string>
  ) {
    const answer = await pool.request({
      method,
      path,
      headers: content === undefined ? headers : { 'content-type': 'application/json', ...headers },
      body: content as string
    })
    await answer.body.dump()
    return answer.statusCode
  }

  function head (n: number, framing: string) {
    return `POST /api/posts HTTP/1.1\r\nhost: gateway\r\nx-forwarded-for: ${
      from(n)['x-forwarded-for']
    }\r\nauthorization: ${bearer(n).authorization}\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`
  }

  async function oversized (n: number, bytes: string) {
    const socket = connect(port, '127.0.0.1').on('error', () => {}) // the gateway may close while we still write
    socket.write(bytes)
    const answer = await text(socket).catch(() => '')
    return Number(answer.slice(9, 12)) || 'left'
  }

  async function leave (bytes: string, afterMs: number) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write(bytes)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    socket.resetAndDestroy()
    return 'left' as const
  }

  const kinds: Kind[] = [
    { name: 'read', share: 45, send: (n) => call('GET', POST_PATH, { ...from(n), ...bearer(n) }), expected: [200] },
    {
      name: 'write',
      share: 15,
      send: (n) => call('POST', '/api/posts', { ...from(n), ...bearer(n) }, body),
      expected: [201]
    },
    {
      name: 'chunked write',
      share: 6,
      send: (n) => call('POST', '/api/posts', { ...from(n), ...bearer(n) }, halves(body)),
      expected: [201]
    },
    { name: 'no token', share: 6, send: (n) => call('GET', POST_PATH, from(n)), expected: [401] },
    {
      name: 'forged token',
      share: 5,
      send: (n) => call('GET', POST_PATH, { ...from(n), authorization: `Bearer ${forged[n % forged.length]}` }),
      expected: [401]
    },
    {
      name: 'over its limit',
      share: 6,
      send: () => call('GET', POST_PATH, { 'x-forwarded-for': '10.9.9.9', ...bearer(0) }),
      expected: [200, 429]
    },
    {
      name: 'unknown path',
      share: 5,
      send: (n) => call('GET', `/api/nothing/${n}`, { ...from(n), ...bearer(n) }),
      expected: [404]
    },
    {
      name: 'wrong body',
      share: 5,
      send: (n) => call('POST', '/api/posts', { ...from(n), ...bearer(n) }, `{"title":${n}}`),
      expected: [400]
    },
    {
      name: 'oversized',
      share: 2,
      send: (n) => oversized(n, head(n, `content-length: ${BODY_LIMIT + 1}`) + 'x'.repeat(1000)),
      expected: [413, 'left']
    },
    {
      name: 'oversized, chunked',
      share: 1,
      send: (n) =>
        oversized(
          n,
          head(n, 'transfer-encoding: chunked') + `${(BODY_LIMIT + 1).toString(16)}\r\n${'x'.repeat(BODY_LIMIT + 1)}`
        ),
      expected: [413, 'left']
    },
    {
      name: 'aborted in its body',
      share: 2,
      send: (n) => leave(head(n, `content-length: ${body.length}`) + body.slice(0, 100), 1),
      expected: ['left']
    },
    {
      name: 'aborted while waiting',
      share: 2,
      send: (n) => leave(head(n, `content-length: ${body.length}`) + body, 0),
      expected: ['left']
    }
  ]
  return { kinds, close: () => pool.destroy() }
}

async function * halves (whole: string) {
  yield whole.slice(0, whole.length / 2)
  yield whole.slice(whole.length / 2)
}
