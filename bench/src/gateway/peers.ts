import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { haproxyConfig } from './haproxy.ts'
import { pinned, which } from './machine.ts'
import { ISSUER, type Signer } from './tokens.ts'

export interface Peer {
  name: string
  /** The tokens that it verifies. */
  signer: Signer
  url: string
  child: Child
}

export interface PeerSetup {
  upstream: string
  natsUrl: string
  signers: Record<'EdDSA' | 'RS256' | 'ES256', Signer>
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Starts every peer that this machine can run, each pinned to the first core. */
export async function startPeers ({ upstream, natsUrl, signers }: PeerSetup): Promise<Peer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-peers-'))
  const ports = await freePorts(16)
  const peers: Peer[] = []

  async function start (name: string, signer: Signer, command: string, args: (port: number) => string[], env: (port: number) => Record<string, string> = () => ({})) {
    const port = ports.pop()!
    const child = startChild(...pinned(0, command, args(port)), { name, env: { ...process.env, ...env(port) } as NodeJS.ProcessEnv, stdio: ['ignore', 'ignore', 'pipe'] })
    await waitForPort(child, port)
    peers.push({ name, signer, url: `http://127.0.0.1:${port}`, child })
  }

  const node = (name: string, script: string) => start(name, signers.RS256, process.execPath, () => [file(`../peers/${script}.ts`)],
    (port) => ({ PORT: String(port), UPSTREAM: upstream, PUBLIC_KEY: signers.RS256.publicPem }))

  const haproxy = which('haproxy')
  if (haproxy) {
    for (const signer of [signers.RS256, signers.ES256]) {
      await start(`HAProxy ${signer.alg}`, signer, haproxy, (port) => {
        const path = join(folder, `haproxy-${signer.alg}.cfg`)
        writeFileSync(join(folder, `${signer.alg}.pem`), signer.publicPem)
        writeFileSync(path, haproxyConfig({ port, upstream, alg: signer.alg, keyFile: join(folder, `${signer.alg}.pem`) }))
        return ['-f', path, '-db']
      })
    }
  } else console.log('HAProxy is not on this machine: left out')
  await node('bare Node proxy (undici)', 'bare-undici')
  await start('Gatepost', signers.EdDSA, process.execPath, () => [file('../../../services/gateway/src/server.ts')], (port) => ({
    GATEWAY_PORT: String(port), GATEWAY_OPS_PORT: String(ports.pop()), AUTH_URL: upstream, POSTS_URL: upstream, FEED_URL: upstream, NATS_URL: natsUrl, PUBLIC_URL: ISSUER, RATE_LIMIT_MAX: '1000000000', CORS_ORIGINS: 'http://localhost:5173'
  }))
  await node('fast-gateway', 'fast-gateway')
  await node('plain plugins', 'plain-plugins')
  await node('Express', 'express')
  return peers
}
