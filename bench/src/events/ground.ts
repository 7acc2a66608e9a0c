import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brokerAuthorization } from '@gatepost/events/permissions'
import { provision } from '@gatepost/events/provision'
import { startNats } from '@gatepost/local-stack/nats'
import { freePorts } from '@gatepost/local-stack/ports'
import { startPostgres } from '@gatepost/local-stack/postgres'
import type { BrokerAccount } from '@gatepost/local-stack/system'
import { brokerUsers } from '@gatepost/testing/broker'
import pg from 'pg'
import { deploy } from '../../../scripts/migrate/deploy.ts'

/**
 * A PostgreSQL that keeps its promises, with the posts database, and a nats-server with the real accounts, for one run.
 */
export async function prepareGround () {
  const dataDir = await mkdtemp(join(tmpdir(), 'gatepost-bench-'))
  const [postgresPort, natsPort] = await freePorts(2) as [number, number]
  const users = brokerUsers()
  const start = {
    postgres: () => startPostgres({ port: postgresPort, dataDir: join(dataDir, 'postgres'), services: ['posts'] }),
    nats: () =>
      startNats({
        port: natsPort,
        dataDir: join(dataDir, 'nats'),
        authorization: brokerAuthorization(users, { anonymous: true })
      })
  }
  const [postgres, nats] = await Promise.all([start.postgres(), start.nats()])
  const running = { postgres, nats }
  await deploy('posts', postgres.ownerUrl('posts'))
  const natsUrl = (user: BrokerAccount) => `nats://${user}:${users[user].password}@127.0.0.1:${natsPort}`
  await provision({ servers: natsUrl('provisioner') })
  const databaseUrl = postgres.serviceUrl('posts')
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 16 })
  pool.on('error', () => {})
  return {
    databaseUrl,
    natsUrl,
    pool,
    /** One statement as the role that owns the tables. */
    async asOwner (statement: string) {
      const client = new pg.Client({ connectionString: postgres.ownerUrl('posts') })
      await client.connect()
      await client.query(statement).finally(() => client.end())
    },
    /** Kills a server and starts it again at once. */
    async crash (name: 'nats' | 'postgres') {
      running[name].signal(name === 'nats' ? 'SIGKILL' : 'SIGQUIT')
      await running[name].ended
      if (name === 'nats') running.nats = await start.nats()
      else running.postgres = await start.postgres()
    },
    async stop () {
      await pool.end()
      await Promise.all([running.postgres.stop(), running.nats.stop()])
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}

export type Ground = Awaited<ReturnType<typeof prepareGround>>
