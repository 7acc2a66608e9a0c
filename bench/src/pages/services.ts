import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startChild } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { startPostgres } from '@gatepost/local-stack/postgres'
import { ISSUER, startTokenIssuer } from '@gatepost/testing/token-issuer'
import { deploy } from '../../../scripts/migrate/deploy.ts'

const SERVICES = ['posts', 'feed'] as const

/** Posts and feed as processes on a PostgreSQL of their own, without a broker: the tables are filled by hand. */
export async function startServices (fill: { posts: (ownerUrl: string) => Promise<void>, feed: (ownerUrl: string) => Promise<void> }) {
  const dataDir = await mkdtemp(join(tmpdir(), 'gatepost-bench-'))
  await chmod(dataDir, 0o711)
  const [postgresPort, posts, postsOps, feed, feedOps] = await freePorts(5) as [number, number, number, number, number]
  const postgres = await startPostgres({ port: postgresPort, dataDir, services: SERVICES })
  const issuer = await startTokenIssuer()
  for (const service of SERVICES) {
    await deploy(service, postgres.ownerUrl(service))
    await fill[service](postgres.ownerUrl(service))
  }
  const children = SERVICES.map((service) => startChild(process.execPath, [fileURLToPath(new URL(`../../../services/${service}/src/server.ts`, import.meta.url))], {
    name: service,
    env: {
      POSTS_PORT: String(posts),
      POSTS_OPS_PORT: String(postsOps),
      FEED_PORT: String(feed),
      FEED_OPS_PORT: String(feedOps),
      POSTS_DATABASE_URL: postgres.serviceUrl('posts'),
      FEED_DATABASE_URL: postgres.serviceUrl('feed'),
      AUTH_URL: issuer.url,
      PUBLIC_URL: ISSUER,
      NATS_URL: 'nats://127.0.0.1:1',
      LOG_LEVEL: 'fatal'
    }
  }))
  const urls = { posts: `http://127.0.0.1:${posts}`, feed: `http://127.0.0.1:${feed}` }
  for (const url of Object.values(urls)) await waitUntilReady(url)
  return {
    urls,
    token: issuer.token(),
    async stop () {
      await Promise.all(children.map((child) => child.stop()))
      await issuer.stop()
      await postgres.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}

async function waitUntilReady (url: string) {
  for (const deadline = Date.now() + 30_000; ; await sleep(100)) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined)
    if (answer?.ok) return
    if (Date.now() > deadline) throw new Error(`${url} is not ready`)
  }
}
