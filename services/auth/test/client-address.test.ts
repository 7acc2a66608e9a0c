import { fastify } from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { clientAddress } from '../src/plugins/client-address.ts'
import { startAuth } from './support/auth-server.ts'

test.each([
  [{ HOST: '0.0.0.0' }, true],
  [{ HOST: '::' }, true],
  [{ HOST: '0.0.0.0', TRUSTED_PROXIES: '10.0.0.0/8' }, false],
  [{ HOST: '127.0.0.1' }, false],
  [{ HOST: '::1' }, false]
])('settings %j warn that a gateway elsewhere is not believed: %s', async (settings, warned) => {
  const lines: string[] = []
  const app = fastify()
  const { HOST: host, TRUSTED_PROXIES } = settings as { HOST: string, TRUSTED_PROXIES?: string }
  const log = pino({}, {
    write: (line: string) => {
      lines.push(line)
    }
  })
  await app.register(clientAddress, {
    trustedProxies: TRUSTED_PROXIES ? [TRUSTED_PROXIES] : [],
    host,
    log,
    registry: new Registry()
  })
  expect(lines.join().includes('all its clients count as one')).toBe(warned)
  await app.close()
})

test('only loopback and trusted networks may name a client’s address', async () => {
  const proxied = await startAuth({ TRUSTED_PROXIES: '10.0.0.0/8' })
  let requests = 0
  const addressOf = async (headers: Record<string, string>) => {
    const { body } = await proxied.call('POST', '/api/auth/login', {
      body: { email: 'nobody@example.test', password: 'certainly not it' },
      headers: { ...headers, 'x-request-id': `id-${++requests}-padding` }
    })
    const [row] = await proxied.sql('SELECT ip_address FROM audit_log WHERE request_id = $1', body.requestId)
    return row.ip_address
  }
  const forwardedFor = (hops: string) => addressOf({ 'x-forwarded-for': hops })
  expect(await forwardedFor('192.0.2.8')).toBe('192.0.2.8')
  expect(await forwardedFor('1.2.3.4, 192.0.2.7, 10.1.2.3')).toBe('192.0.2.7')
  expect(await forwardedFor('[2001:db8::5]:4711')).toBe('2001:db8::5')
  expect(await addressOf({})).toBe('127.0.0.1')
  expect(await forwardedFor('127.0.0.2')).toBe('127.0.0.2')
  expect(await forwardedFor('unknown')).toBe('127.0.0.1')
  await proxied.close()
})
