// A server that judges tokens, with a route of each policy.
import { getMe } from '@gatepost/contracts/auth/account-operations'
import { logout } from '@gatepost/contracts/auth/session-operations'
import { getUser, listUsers } from '@gatepost/contracts/auth/user-operations'
import { pino } from 'pino'
import { identity } from '../../src/identity.ts'
import { KeysUnavailableError, keysOf } from '../../src/key-source.ts'
import { emptyRevocationList } from '../../src/revocation-list.ts'
import { routeOf } from '../../src/route.ts'
import { createServer } from '../../src/server.ts'
import { ISSUER, publicKey, USER } from './tokens.ts'

export async function judgingApp (revocations = emptyRevocationList()) {
  const keys = keysOf({
    keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA', use: 'sig' }]
  } as never)
  const source = {
    /** Whether auth is away. */
    broken: false,
    /** Happens right after a key was found. */
    onFind: undefined as (() => void) | undefined,
    get: (kid: string) => keys.get(kid),
    find (kid: string) {
      if (source.broken) throw new KeysUnavailableError('away')
      const key = keys.get(kid)
      source.onFind?.()
      return key
    }
  }
  const app = createServer({ log: pino({ level: 'silent' }) })
  await app.register(identity, { keys: source, revocations, issuer: ISSUER, accessTokenTtl: 700, cacheSize: 3 })
  app.route({
    ...routeOf(getMe),
    handler: async (request) => ({
      id: request.principal!.userId,
      email: '',
      emailVerified: true,
      displayName: 'a',
      role: 'user' as const,
      language: null,
      createdAt: ''
    })
  })
  app.route({
    ...routeOf(logout),
    handler: async (request, reply) =>
      reply.code(204).header('x-user', request.principal?.userId ?? 'nobody').send(null as never)
  })
  app.route({ ...routeOf(listUsers), handler: async () => ({ items: [], nextCursor: null }) })
  app.route({ ...routeOf(getUser), config: {}, handler: async () => ({ id: USER, displayName: 'a', createdAt: '' }) })
  return {
    app,
    keys,
    source,
    revocations,
    me: (authorization?: string) =>
      app.inject({ url: '/api/auth/me', headers: authorization === undefined ? {} : { authorization } }),
    logout: (authorization: string) =>
      app.inject({ method: 'POST', url: '/api/auth/logout', headers: { authorization } })
  }
}

export type JudgingApp = Awaited<ReturnType<typeof judgingApp>>
