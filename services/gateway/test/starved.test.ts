import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { upstreamUrls } from '@gatepost/testing/upstreams'
import { type Child, startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultOf } from '../src/upstreams/faults.ts'
import { ISSUER, JWKS } from './support/gateway.ts'
import { startUpstream, type TestUpstream } from './support/upstream.ts'

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url))
/** Some fifty are the runtime's own. */
const DESCRIPTORS = 80
let upstream: TestUpstream
let gateway: Child
let port: number
let log = ''

beforeAll(async () => {
  upstream = await startUpstream({ jwks: JWKS })
  const [main, operations] = await freePorts(2) as [number, number]
  port = main
  const settings = {
    GATEWAY_PORT: String(port),
    GATEWAY_OPS_PORT: String(operations),
    ...upstreamUrls(upstream.url),
    NATS_URL: 'nats://127.0.0.1:1',
    PUBLIC_URL: ISSUER,
    RATE_LIMIT_MAX: '1000000',
    SENSITIVE_RATE_LIMIT_MAX: '1000000'
  }
  gateway = startChild('/bin/sh', ['-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$1"`, process.execPath, SERVER], {
    name: 'gateway',
    onOutput: (output) => {
      log += output
    },
    env: { ...process.env, ...settings }
  })
  await waitForPort(gateway, port)
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

async function open () {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends a request on a connection that is there already; the head and the beginning of its answer. */
async function ask (socket: Socket, request: string) {
  socket.write(request)
  const [answer] = await once(socket, 'data')
  return String(answer)
}

const LOGIN = '{"email":"ada@example.org","password":"correct-horse-battery"}'
const login = (socket: Socket) =>
  ask(
    socket,
    'POST /api/auth/login HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n' +
      `content-length: ${LOGIN.length}\r\n\r\n${LOGIN}`
  )
const docs = (socket: Socket) => ask(socket, 'GET /docs HTTP/1.1\r\nhost: gateway\r\n\r\n')

test('a gateway without descriptors answers 503, blames no service, and keeps nothing of it', async () => {
  const callers = await Promise.all(Array.from({ length: 6 }, open))
  const reader = await open()
  const crowd: Socket[] = []
  let left = 0
  while (left < 10) {
    const socket = await open()
    crowd.push(socket.once('close', () => { left++ }))
    await new Promise((resolve) => { setTimeout(resolve, 2) })
  }
  const release: Array<() => void> = []
  upstream.handler = (_request, response) => {
    release.push(() => response.setHeader('content-type', 'application/json').end('{}'))
  }
  const answers = callers.map(login)
  const refused = await Promise.race(answers)
  expect(refused).toMatch(/^HTTP\/1\.1 503 /)
  expect(refused.toLowerCase()).toContain('retry-after: 1')
  expect(refused).toContain('"code":"OVERLOADED"')
  expect(await docs(reader)).toMatch(/^HTTP\/1\.1 5/)
  for (const socket of crowd) socket.destroy()
  await eventually(async () => {
    for (const answer of release.splice(0)) answer()
    expect((await Promise.all(answers)).filter((answer) => !answer.startsWith('HTTP/1.1 503'))).not.toEqual([])
  })
  upstream.handler = (_request, response) => {
    response.setHeader('content-type', 'application/json').end('{}')
  }
  await eventually(async () =>
    expect(await Promise.all(callers.map(login))).toEqual(Array(6).fill(expect.stringMatching(/^HTTP\/1\.1 200 /)))
  )
  expect(await docs(reader)).toMatch(/^HTTP\/1\.1 200 /)
  const lines = () =>
    log.split('\n').slice(0, -1).filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  await eventually(() =>
    expect(lines().find(({ msg }) => msg === 'calls to auth fail for want of sockets or ports in this process'))
      .toMatchObject({ level: 'warn', err: { code: 'EMFILE' } })
  )
  expect(lines().filter(({ state }) => state !== undefined), 'no instance was taken for another state').toEqual([])
})

test.for(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])('%s is no fault of an instance', (code) => {
  expect(faultOf(Object.assign(new Error(code), { code }))).toBe('local')
})
