import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Role } from '@gatepost/contracts/schemas'
import { TOKEN_LIFETIME_HEADER } from '@gatepost/service-kit/key-source'
import { uuidv7 } from '@gatepost/service-kit/uuid'

export const ISSUER = 'http://127.0.0.1:3000'
const LIFE_SECONDS = 600

export interface TokenOptions {
  userId?: string
  sessionId?: string
  role?: Role
}

export interface TokenIssuer {
  /** The value for AUTH_URL; it serves the JWK Set. */
  url: string
  /** An access token as auth would make it. */
  token (options?: TokenOptions): string
  stop (): Promise<void>
}

/** Stands in for auth where only keys and tokens matter: a real JWK Set on a real socket. */
export async function startTokenIssuer (): Promise<TokenIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const kid = uuidv7()
  const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'EdDSA', use: 'sig' }] })
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').setHeader(TOKEN_LIFETIME_HEADER, LIFE_SECONDS).end(jwks)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token ({ userId = uuidv7(), sessionId = uuidv7(), role = 'user' } = {}) {
      const iat = Math.floor(Date.now() / 1000)
      const claims = {
        iss: ISSUER,
        aud: 'gatepost',
        sub: userId,
        sid: sessionId,
        jti: uuidv7(),
        role,
        iat,
        exp: iat + LIFE_SECONDS
      }
      const input = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid })}.${encode(claims)}`
      return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
    },
    async stop () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}
