import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { databaseOwners } from '@gatepost/contracts/declarations'
import { consumers } from '@gatepost/contracts/events'
import type { ServiceDefinition } from '@gatepost/contracts/service'
import { startNats } from '@gatepost/local-stack/nats'
import { startPostgres } from '@gatepost/local-stack/postgres'
import { credentialsIn } from '@gatepost/local-stack/postgres/cluster'
import { settingsSchema as authSettings } from '../../services/auth/src/config.ts'
import { connectionFault, migrationVariable } from '../connection-fault.ts'
import { portsOf } from '../start/addresses.ts'
import { embeddedBroker, subscribersOf } from '../start/broker.ts'
import { lockDataFolder } from '../start/data-folder.ts'
import { type Client, connectOwner } from './database-copy.ts'
import type { Secrets } from './secrets.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** Whose copy is older may know less: consumers are copied before those whose events they apply. */
export const IN_ORDER = databaseOwners.toSorted((one, other) => consumed(other) - consumed(one))
function consumed ({ name }: ServiceDefinition) {
  return Object.values(consumers).filter((consumer) => consumer.service === name).length
}

/** What the data at rest is worth nothing without. */
const NAMES = ['TOKEN_SECRET', 'TOKEN_SECRET_PREVIOUS', 'PASSWORD_PEPPER', 'PASSWORD_PEPPER_PREVIOUS']
  .filter((name) => name in authSettings.properties)
const SUBSCRIBERS = 'NATS_SUBSCRIBERS_LIST'

export function placeOf (env: Env) {
  const dataDir = resolve(fileURLToPath(new URL('../..', import.meta.url)), env.GATEPOST_DATA || '.data')
  const tokenFile = join(dataDir, 'token-secret')
  const isEmbedded = !env.NATS_URL
  const subscribers = env.NATS_SUBSCRIBERS || (isEmbedded ? subscribersOf(dataDir) : undefined)

  return {
    isEmbedded,
    async natsUrl () {
      if (env.NATS_URL) return env.NATS_URL
      const password = await readFile(join(dataDir, 'nats/provisioner.password'), 'utf8').catch(() => unset('NATS_URL'))
      return `nats://provisioner:${password.trim()}@127.0.0.1:${portsOf(env).nats}`
    },
    async ownerUrl ({ name, prefix, database }: ServiceDefinition): Promise<string> {
      const variable = migrationVariable(name, env)
      if (variable) return env[variable]!
      const credentials = await credentialsIn(join(dataDir, 'postgres'))
        .catch(() => unset(`${prefix}_MIGRATION_DATABASE_URL`))
      const role = `${database}_owner`
      return `postgresql://${role}:${credentials[role]}@127.0.0.1:${portsOf(env).postgres}/${database}`
    },
    async owner (service: ServiceDefinition): Promise<Client> {
      const variable = migrationVariable(service.name, env) ?? `${service.prefix}_MIGRATION_DATABASE_URL`
      return connectOwner(await this.ownerUrl(service), variable)
    },
    async secrets (): Promise<Secrets> {
      const found: Secrets = {}
      for (const name of NAMES) if (env[name]) found[name] = env[name]
      found.TOKEN_SECRET ??= (await readFile(tokenFile, 'utf8').catch(() => unset('TOKEN_SECRET'))).trim()
      const list = subscribers && await readFile(subscribers, 'utf8').catch(() => undefined)
      if (list) found[SUBSCRIBERS] = JSON.stringify(JSON.parse(list))
      return found
    },
    /** Throws where the environment has another secret than the data was made with. */
    async keepSecrets ({ [SUBSCRIBERS]: list, ...secrets }: Secrets) {
      const ownToken = isEmbedded && !env.TOKEN_SECRET
      const other = Object.entries(secrets)
        .find(([name, value]) => env[name] !== value && !(ownToken && name === 'TOKEN_SECRET'))
      if (other) throw new Error(`${other[0]} has to be that of the backup: \`pnpm backup secrets <file>\` prints it`)
      if (ownToken) await writeFile(tokenFile, `${secrets.TOKEN_SECRET}\n`, { mode: 0o600 })
      if (list && subscribers) await writeFile(subscribers, `${list}\n`, { mode: 0o600 })
    },
    /** Starts the servers of a folder that nothing else runs; resolves with what stops them. */
    async startServers () {
      if (!isEmbedded) return async () => {}
      await lockDataFolder(dataDir)
      const { broker } = await embeddedBroker(dataDir)
      const ports = portsOf(env)
      const servers = await Promise.all([
        startPostgres({
          port: ports.postgres,
          dataDir: join(dataDir, 'postgres'),
          services: IN_ORDER.map(({ database }) => database)
        }),
        startNats({ port: ports.nats, dataDir: join(dataDir, 'nats'), authorization: broker.authorization })
      ])
      return async () => { await Promise.all(servers.map((server) => server.stop())) }
    }
  }
}

function unset (name: string): never {
  throw new Error(`set ${name}, or run \`pnpm start\` in this folder`)
}

/** One line that says why NATS cannot be reached. */
export const natsFault = (error: unknown): never => { throw connectionFault('NATS_URL', error) }
