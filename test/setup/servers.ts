import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseOwners } from '@gatepost/contracts/declarations'
import { freePorts } from '@gatepost/local-stack/ports'
import { startPostgres } from '@gatepost/local-stack/postgres'
import { startRedis } from '@gatepost/local-stack/redis'
import type { BrokerAccount } from '@gatepost/local-stack/system'
import { ACCOUNTS, startBroker } from '@gatepost/testing/broker'
import type { TestServers } from '@gatepost/testing/servers'
import { refreshClients } from '../../scripts/clients.ts'
import { deploy } from '../../scripts/migrate/deploy.ts'
import { dearStatements, planLog, preparePlanCheck } from './plan-check.ts'

const say = (line: string) => { process.stdout.write(`${line}\n`) }

/** Starts the servers that all test files share, with a migrated database per service as the template of theirs. */
export async function setup () {
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-test-'))
  await chmod(folder, 0o711)
  await refreshClients()
  const databases = databaseOwners.map(({ database }) => database)
  const [postgresPort, redisPort] = await freePorts(2) as [number, number]
  const [postgres, redis, broker] = await Promise.all([
    startPostgres({
      port: postgresPort,
      dataDir: join(folder, 'postgres'),
      services: databases,
      unsafeButFast: true,
      maxConnections: 500,
      settings: planLog
    }),
    startRedis({ port: redisPort, say }),
    startBroker()
  ])
  await Promise.all(databaseOwners.map(({ name, database }) => deploy(name, postgres.ownerUrl(database))))
  const natsUrls = Object.fromEntries(ACCOUNTS.map((account) => [account, broker.urlOf(account)])) as Record<
    BrokerAccount,
    string
  >
  await preparePlanCheck(postgres, databases)
  process.env.GATEPOST_TEST_SERVERS = JSON
    .stringify({ postgresPort, credentials: postgres.credentials, redisUrl: redis.url, natsUrls } satisfies TestServers)
  return async () => {
    await Promise.all([postgres.stop(), redis.stop(), broker.stop()])
    const dear = await dearStatements(join(folder, 'postgres', 'cluster'))
    if (dear.length > 0) {
      process.exitCode = 1
      say(`\n${dear.length} statements read a large table as a whole:\n\n${dear.join('\n\n')}`)
    }
    await rm(folder, { recursive: true, force: true })
  }
}
