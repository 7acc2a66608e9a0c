import { fastify } from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { clientAddress } from '../src/plugins/client-address.ts'

test.each([
  [{ HOST: '0.0.0.0' }, true],
  [{ HOST: '::' }, true],
  [{ HOST: '0.0.0.0', TRUSTED_PROXIES: '10.0.0.0/8' }, false],
  [{ HOST: '127.0.0.1' }, false],
  [{ HOST: '::1' }, false]
])('with %j, that a gateway elsewhere is not believed is warned of: %s', async (settings, warned) => {
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
