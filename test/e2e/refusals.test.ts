import { once } from 'node:events'
import { connect } from 'node:net'
import { declarations } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { eventually } from '@gatepost/testing/eventually'
import { startSystem, type System } from '@gatepost/testing/system'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { register } from './client.ts'

let system: System
let token: string
beforeAll(async () => {
  system = await startSystem({ env: { RATE_LIMIT_MAX: '100000', SENSITIVE_RATE_LIMIT_MAX: '1000' } })
  token = (await register(system.gatewayUrl, 'Ada')).accessToken
}, 60_000)
afterAll(async () => { await system?.stop() })

const PROCESSES = declarations.map(({ name }) => name)
type Process = ServiceName
const BODY = 'x'.repeat(100)
const HOST = 'host: gatepost\r\n'
const LARGE_HEADER = `x-large: ${'a'.repeat(20_000)}\r\n`

interface Refusal {
  head: string
  status: number
  instance?: string
  /** Never sent whole. */
  isSlow?: boolean
}

/** Refusals of every port, where `probe` is what it answers to GET. */
const everywhere = (probe: string): Refusal[] => [
  { head: `GET /nothing HTTP/1.1\r\n${HOST}\r\n`, status: 404, instance: '/nothing' },
  { head: `HEAD /nothing HTTP/1.1\r\n${HOST}\r\n`, status: 404 },
  { head: `DELETE ${probe} HTTP/1.1\r\n${HOST}\r\n`, status: 405, instance: probe },
  { head: `PROPFIND ${probe} HTTP/1.1\r\n${HOST}\r\n`, status: 405, instance: probe },
  { head: `GET /%zz HTTP/1.1\r\n${HOST}\r\n`, status: 400, instance: '/%25zz' },
  { head: `GET ${probe} HTTP/1.1\r\n\r\n`, status: 400, instance: probe },
  { head: `GET ${probe} HTTP/1.1\r\n${HOST}expect: miracles\r\n\r\n`, status: 417, instance: probe },
  { head: `GET ${probe} HTTP/1.1\r\n${HOST}${LARGE_HEADER}\r\n`, status: 431, instance: probe },
  { head: `GET ${probe} HTTP/1.1\r\n${HOST}no header\r\n\r\n`, status: 400, instance: probe },
  {
    head: `POST ${probe} HTTP/1.1\r\n${HOST}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    status: 400,
    instance: probe
  },
  { head: `GET ${probe} HTTP/9.9\r\n${HOST}\r\n`, status: 400, instance: probe },
  { head: `CONNECT example.org:443 HTTP/1.1\r\n${HOST}\r\n`, status: 400, instance: 'example.org:443' },
  { head: 'NONSENSE\r\n\r\n', status: 400, instance: '' },
  { head: `FOO ${probe} HTTP/1.1\r\n${HOST}\r\n`, status: 400, instance: '' },
  { head: `GET ${probe} HTTP/1.1\r\nx: `, status: 408, instance: '', isSlow: true }
]

/** Refusals of one process's own routes, `path` being a protected one that takes a JSON body by POST or PATCH. */
function ofRoutes (method: string, path: string): Refusal[] {
  const authorization = `authorization: Bearer ${token}\r\n`
  const json = 'content-type: application/json\r\n'
  const bytes = (count: number) => `content-length: ${count}\r\n`
  return [
    { head: `${method} ${path} HTTP/1.1\r\n${HOST}\r\n`, status: 401, instance: path },
    {
      head: `${method} ${path} HTTP/1.1\r\n${HOST}${authorization}${json}${bytes(2_000_000)}\r\n`,
      status: 413,
      instance: path
    },
    {
      head: `${method} ${path} HTTP/1.1\r\n${HOST}${authorization}content-type: text/plain\r\n${bytes(100)}\r\n${BODY}`,
      status: 415,
      instance: path
    },
    {
      head: `${method} ${path} HTTP/1.1\r\n${HOST}${authorization}content-encoding: gzip\r\n${json}${
        bytes(100)
      }\r\n${BODY}`,
      status: 415,
      instance: path
    },
    {
      head: `${method} ${path} HTTP/1.1\r\n${HOST}${authorization}${json}${bytes(100)}\r\n${BODY}`,
      status: 400,
      instance: path
    },
    {
      head: `${method} ${path} HTTP/1.1\r\n${HOST}${authorization}${json}transfer-encoding: chunked\r\n\r\nzz\r\n`,
      status: 400,
      instance: path
    },
    {
      head: `GET ${path}?q=%ff HTTP/1.1\r\n${HOST}${authorization}\r\n`,
      status: method === 'POST' ? 400 : 405,
      instance: path
    }
  ]
}

const OF_PROCESS: Partial<Record<Process, () => Refusal[]>> = {
  gateway: () => ofRoutes('POST', '/api/posts'),
  auth: () => ofRoutes('PATCH', '/api/auth/me').slice(0, -1),
  posts: () => ofRoutes('POST', '/api/posts')
}

async function send (port: number, { head, isSlow }: Refusal) {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => { answer += chunk }).on('error', () => {})
  socket.write(isSlow ? head : head.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))
  await once(socket, 'end')
  socket.destroy()
  return answer
}

function parsed (answer: string, isHead: boolean) {
  const [, status, id, type] =
    /^HTTP\/1\.1 (\d{3})(?=[^]*?\r\nx-request-id: ([\w-]{8,64})\r\n)(?=[^]*?\r\ncontent-type: ([^\r]+)\r\n)/i
      .exec(answer) ?? []
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  const problem = isHead ? undefined : JSON.parse(body)
  return {
    status: Number(status),
    id: id!,
    type,
    instance: isHead ? undefined : problem.instance,
    own: isHead ? body === '' : problem.requestId === id && problem.status === Number(status)
  }
}

async function countsByStatus (port: number) {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const counts = new Map<number, number>()
  for (const [, status, count] of metrics.matchAll(/^http_requests_total\{[^}]*status="(\d+)"[^}]*\} (\d+)/gm)) {
    counts.set(Number(status), (counts.get(Number(status)) ?? 0) + Number(count))
  }
  return counts
}

test.concurrent.each(PROCESSES)(
  'every refusal of %s, from whatever layer and at either port, is a problem with an id, a line and a count',
  { timeout: 60_000 },
  async (name) => {
    const main = system.ports[name]
    const operations = system.ports[`${name}Ops`]
    const refusals = [
      ...[...everywhere('/live'), ...OF_PROCESS[name]?.() ?? []].map((refusal) => ({ ...refusal, port: main })),
      ...everywhere('/metrics').map((refusal) => ({ ...refusal, port: operations }))
    ]
    const before = await countsByStatus(operations)
    const answers = await Promise.all(refusals.map(async (refusal) => {
      const isHead = refusal.head.startsWith('HEAD')
      return { ...parsed(await send(refusal.port, refusal), isHead), of: refusal }
    }))
    expect(answers.map(({ of, status, type, instance, own }) => [of.head.slice(0, 60), status, type, instance, own]))
      .toEqual(refusals.map((
        { head, status, instance }
      ) => [head.slice(0, 60), status, 'application/problem+json', instance, true]))
    const lines = await eventually(() => {
      const ids = new Map(system.output.get(name)!.split('\n').filter((line) =>
        line.includes('"msg":"request"')
      ).map((line) => JSON.parse(line)).map(({ requestId, status }) => [requestId, status]))
      const found = answers.map(({ id, of }) => [of.head.slice(0, 60), ids.get(id)])
      expect(found.filter(([, status]) =>
        status === undefined
      )).toEqual([])
      return found
    })
    expect(lines).toEqual(answers.map(({ of, status }) => [of.head.slice(0, 60), status]))
    const after = await countsByStatus(operations)
    const wanted = Map.groupBy(refusals, ({ status }) => status)
    expect([...wanted].map(([status]) => [status, after.get(status)! - (before.get(status) ?? 0)]))
      .toEqual([...wanted].map(([status, all]) => [status, all.length]))
  }
)
