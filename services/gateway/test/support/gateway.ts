import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { upstreamUrls } from '@gatepost/testing/upstreams'
import { createRegistry } from '@gatepost/service-kit/metrics'
import { parseSettings } from '@gatepost/service-kit/settings'
import type { App } from '@gatepost/service-kit/server'
import { testServers } from '@gatepost/testing/servers'
import { pino } from 'pino'
import type { Registry } from 'prom-client'
import { buildApp } from '../../src/app.ts'
import { settingsSchema } from '../../src/config.ts'
import { startUpstream, type TestUpstream } from './upstream.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
export const JWKS = JSON.stringify({
  keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA', use: 'sig' }]
})
export const USER_ID = '01900000-0000-7000-8000-000000000001'
export const POST_ID = '01900000-0000-7000-8000-0000000000aa'
/** Header lines. */
export const JSON_TYPE = 'content-type: application/json'
export const CHUNKED = 'transfer-encoding: chunked'
export const CLOSE = 'connection: close'
export const ISSUER = 'http://127.0.0.1:3000'

/** An access token as auth would sign it. */
export function accessToken (claims: Record<string, unknown> = {}) {
  const now = Math.floor(Date.now() / 1000)
  const payload = {
    iss: ISSUER,
    aud: 'gatepost',
    sub: USER_ID,
    sid: uuid7(),
    jti: uuid7(),
    role: 'user',
    iat: now,
    exp: now + 600,
    ...claims
  }
  const input = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' })}.${encode(payload)}`
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
}

export function uuid7 () {
  return `01900000-0000-7${randomUUID().slice(15, 18)}-8${randomUUID().slice(20)}`
}

function encode (value: unknown) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** What `fetch` gives, with a body that the test knows better than the compiler. */
export type Answer = Omit<Response, 'json'> & { json (): Promise<any> }

export interface TestGateway {
  app: App
  url: string
  port: number
  /** Stands where auth, posts and feed would be. */
  upstream: TestUpstream
  registry: Registry
  log: string[]
  authorization: string
  fetch (path: string, init?: RequestInit): Promise<Answer>
  /** A call with a good token. */
  call (path: string, init?: RequestInit): Promise<Answer>
  /** The head of a request with a good token, and with further header lines, as text. */
  head (methodAndTarget: string, ...lines: string[]): string
  /** Sends bytes as they are and reads until the end of the connection. */
  raw (bytes: string | Buffer): Promise<string>
  stop (): Promise<void>
}

/**
 * A gateway on a socket of its own in front of one real HTTP server. Limits are out of the way unless a test sets them.
 * It judges tokens at once, unless `waits` is false because it cannot: then it goes without NATS or without auth.
 */
export async function startGateway (
  env: Record<string, string | undefined> = {},
  { waits = true } = {}
): Promise<TestGateway> {
  const upstream = await startUpstream({ jwks: JWKS })
  const log: string[] = []
  const registry = createRegistry('gateway')
  const settings = parseSettings(settingsSchema, {
    NATS_URL: testServers().natsUrls.gateway,
    ...upstreamUrls(upstream.url),
    PUBLIC_URL: ISSUER,
    RATE_LIMIT_MAX: '1000000',
    SENSITIVE_RATE_LIMIT_MAX: '1000000',
    ...env
  })
  const app = await buildApp({
    settings,
    log: pino({ level: 'info' }, {
      write: (line: string) => {
        log.push(line)
      }
    }),
    registry
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  if (waits) await app.revoked.ready
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const authorization = `Bearer ${accessToken()}`
  return {
    app,
    url,
    port,
    upstream,
    registry,
    log,
    authorization,
    fetch: (path, init) => fetch(url + path, init),
    call: (path, init = {}) => fetch(url + path, { ...init, headers: { authorization, ...init.headers } }),
    head (methodAndTarget, ...lines) {
      const first = [`${methodAndTarget} HTTP/1.1`, 'host: gateway', `authorization: ${authorization}`]
      return [...first, ...lines, '\r\n'].join('\r\n')
    },
    async raw (bytes) {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(bytes) // and not end: Node takes a client that closes its half for one that has left
      return text(socket)
    },
    async stop () {
      await app.close()
      await upstream.stop()
    }
  }
}
