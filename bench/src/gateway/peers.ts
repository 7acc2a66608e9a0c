import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { upstreamUrls } from '@gatepost/testing/upstreams'
import { LEAN_MALLOC } from '@gatepost/local-stack/services'
import { ROOT } from '../lab/root.ts'
import { haproxyConfig } from './haproxy.ts'
import { limitOf, type Mode } from './mode.ts'
import { nginxConfig } from './nginx.ts'
import { ISSUER, type Signer, TOKEN_TTL } from './tokens.ts'

export interface Setting {
  mode: Mode
  port: number
  /** For a second server of the same process. */
  opsPort: number
  upstream: string
  natsUrl: string
  redisUrl: string
  /** A temporary folder of this process alone. */
  folder: string
  signer: Signer
}

export interface Peer {
  name: string
  /** The tokens that it verifies. */
  alg: Signer['alg']
  modes: Mode[]
  /** What of the policy it does. */
  does: string
  /** It verifies no tokens, so it is not asked to refuse any. */
  open?: boolean
  /** A program that a machine may not have. */
  needs?: string
  command (setting: Setting): Promise<{ command: string, args?: string[], env?: Record<string, string> }>
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const ALL: Mode[] = ['plain', 'full', 'limited', 'two processes']

const haproxy = (alg: Signer['alg'], modes: Mode[]): Peer => ({
  name: `HAProxy ${alg}`,
  alg,
  modes,
  does: `${alg}, limit, headers, log`,
  needs: 'haproxy',
  async command ({ mode, port, upstream, folder, signer }) {
    const keyFile = join(folder, 'key.pem')
    await writeFile(keyFile, signer.publicPem)
    await writeFile(join(folder, 'haproxy.cfg'), haproxyConfig({ port, upstream, mode, alg, keyFile }))
    return { command: 'haproxy', args: ['-f', join(folder, 'haproxy.cfg'), '-db'] }
  }
})

const node = (name: string, script: string, modes: Mode[], does: string, extra: Record<string, string> = {}): Peer => ({
  name,
  alg: 'RS256',
  modes,
  does,
  command: async ({ mode, port, upstream, signer }) => {
    const [max, seconds] = limitOf(mode)
    const env = {
      PORT: String(port),
      UPSTREAM: upstream,
      PUBLIC_KEY: signer.publicPem,
      MODE: mode,
      LIMIT_MAX: String(max),
      LIMIT_SECONDS: String(seconds),
      ...extra
    }
    return { command: process.execPath, args: [file(`../peers/${script}.ts`)], env }
  }
})

/** The gateway of the tree in this folder. */
export const gatepostOf = (root: string, name = 'Gatepost'): Peer => ({
  name,
  alg: 'EdDSA',
  modes: ['plain', 'full', 'limited', 'redis', 'two processes'],
  does: 'EdDSA, revocation, limits, headers, CORS, validation, metrics, log',
  command: async ({ mode, port, opsPort, upstream, natsUrl, redisUrl }) => ({
    command: process.execPath,
    args: [join(root, 'services/gateway/src/server.ts')],
    env: {
      GATEWAY_PORT: String(port),
      GATEWAY_OPS_PORT: String(opsPort),
      ...upstreamUrls(upstream),
      NATS_URL: natsUrl,
      PUBLIC_URL: ISSUER,
      ACCESS_TOKEN_TTL: String(TOKEN_TTL),
      RATE_LIMIT_MAX: String(limitOf(mode)[0]),
      RATE_LIMIT_WINDOW: `${limitOf(mode)[1]} seconds`,
      CORS_ORIGINS: 'http://localhost:5173',
      ...LEAN_MALLOC,
      ...(mode === 'redis' || mode === 'two processes') && { REDIS_URL: redisUrl },
      ...mode === 'two processes' && { GATEWAY_WORKERS: '2' }
    }
  })
})

/**
 * In the order of their turns, Gatepost beside what it is compared with. The upstream itself is the first; it is there
 * already.
 */
export const peers: Peer[] = [
  haproxy('RS256', [...ALL, 'redis']),
  gatepostOf(ROOT),
  haproxy('ES256', ['full']),
  node('plain plugins', 'plain-plugins', ['plain', 'full', 'limited'], 'RS256, limit, headers, CORS, validation, log'),
  {
    name: 'nginx',
    alg: 'RS256',
    modes: ['plain', 'full', 'limited'],
    does: 'no tokens (Debian’s nginx has no JWT), limit, headers, log',
    open: true,
    needs: 'nginx',
    async command ({ mode, port, upstream, folder }) {
      await writeFile(join(folder, 'nginx.conf'), nginxConfig({ port, upstream, mode, folder }))
      return { command: 'nginx', args: ['-c', join(folder, 'nginx.conf'), '-p', folder] }
    }
  },
  node('bare Node proxy', 'bare-undici', ['plain', 'full', 'two processes'], 'RS256 (cached), body parsed, log', {
    CACHE: 'yes'
  }),
  node('bare Node proxy, no token cache', 'bare-undici', ['full'], 'RS256, body parsed, log'),
  node('fast-gateway', 'fast-gateway', ['plain', 'full'], 'RS256'),
  node('Express', 'express', ['plain', 'full', 'limited'], 'RS256, limit, headers, body parsed, log')
]
