import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { brokerAuthorization } from '@gatepost/events/permissions'
import { provision } from '@gatepost/events/provision'
import { startChild } from '@gatepost/local-stack/child'
import { startNats } from '@gatepost/local-stack/nats'
import { freePorts } from '@gatepost/local-stack/ports'
import { startPostgres } from '@gatepost/local-stack/postgres'
import type { BrokerAccount } from '@gatepost/local-stack/system'
import { brokerUsers } from '@gatepost/testing/broker'
import { ISSUER, startTokenIssuer } from '@gatepost/testing/token-issuer'
import pg from 'pg'
import { deploy } from '../../../scripts/migrate/deploy.ts'
import type { Ground } from '../lab/ground.ts'

const WITH_TABLES = ['posts', 'feed'] as const
const PROCESSES = [...WITH_TABLES, 'gateway'] as const
export const CONNECTIONS = 16

/**
 * Gateway, posts and feed as processes, on a PostgreSQL that keeps its promises and a nats-server with the real
 * accounts.
 */
export async function setStage (
  ground: Ground,
  fill: { [Service in typeof WITH_TABLES[number]]: (ownerUrl: string) => Promise<void> }
) {
  const dataDir = await ground.folder()
  const [postgresPort, natsPort, ...ports] = await freePorts(2 + 2 * PROCESSES.length) as [number, number, ...number[]]
  const users = brokerUsers()
  const natsUrl = (user: BrokerAccount) => `nats://${user}:${users[user].password}@127.0.0.1:${natsPort}`
  const postgres = await startPostgres({
    port: postgresPort,
    dataDir: join(dataDir, 'postgres'),
    services: WITH_TABLES
  })
  ground.onEnd(() => postgres.stop())
  const nats = await startNats({
    port: natsPort,
    dataDir: join(dataDir, 'nats'),
    authorization: brokerAuthorization(users, { anonymous: true })
  })
  ground.onEnd(() => nats.stop())
  await provision({ servers: natsUrl('provisioner') })
  for (const service of WITH_TABLES) {
    await deploy(service, postgres.ownerUrl(service))
    await fill[service](postgres.ownerUrl(service))
  }
  const issuer = await startTokenIssuer()
  ground.onEnd(() => issuer.stop())
  const urlOf = (index: number) => `http://127.0.0.1:${ports[2 * index]}`
  const urls = Object.fromEntries(PROCESSES.map((name, index) => [name, urlOf(index)])) as Record<
    typeof PROCESSES[number],
    string
  >
  const { POSTS_NODE_OPTIONS } = process.env
  for (const [index, name] of PROCESSES.entries()) {
    const upper = name.toUpperCase()
    const child = startChild(process.execPath, [
      fileURLToPath(new URL(`../../../services/${name}/src/server.ts`, import.meta.url))
    ], {
      name,
      // Their logs go to a file descriptor that takes everything: reading them would be work on somebody's core.
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        [`${upper}_PORT`]: String(ports[2 * index]),
        [`${upper}_OPS_PORT`]: String(ports[2 * index + 1]),
        ...name !== 'gateway' && { [`${upper}_DATABASE_URL`]: postgres.serviceUrl(name) },
        ...name === 'gateway' &&
          {
            POSTS_URL: urls.posts,
            FEED_URL: urls.feed,
            RATE_LIMIT_MAX: '1000000000',
            USER_RATE_LIMIT_MAX: '1000000000'
          },
        ...name === 'posts' && POSTS_NODE_OPTIONS && { NODE_OPTIONS: POSTS_NODE_OPTIONS },
        AUTH_URL: issuer.url,
        PUBLIC_URL: ISSUER,
        NATS_URL: natsUrl(name)
      }
    })
    ground.onEnd(() => child.stop())
  }
  for (const url of Object.values(urls)) await waitUntilReady(url)
  const pools = Object
    .fromEntries(WITH_TABLES.map((
      service
    ) => [service, new pg.Pool({ connectionString: postgres.serviceUrl(service), max: CONNECTIONS })])) as Record<
      typeof WITH_TABLES[number],
      pg.Pool
    >
  ground.onEnd(() => Promise.all(Object.values(pools).map((pool) => pool.end())))
  return { urls, pools, natsUrl, token: issuer.token() }
}

export type Stage = Awaited<ReturnType<typeof setStage>>

async function waitUntilReady (url: string) {
  for (const deadline = Date.now() + 30_000; ; await sleep(100)) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined)
    if (answer?.ok) return
    if (Date.now() > deadline) throw new Error(`${url} is not ready`)
  }
}
