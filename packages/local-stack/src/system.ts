import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseOwners, declarations } from '@gatepost/contracts/declarations'
import type { ServiceDefinition } from '@gatepost/contracts/service'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { prefixOf } from '@gatepost/contracts/service'
import { services } from '@gatepost/contracts/services'
import type { Child } from './child.ts'
import type { Env } from './environment.ts'
import { type NatsServer, startNats } from './nats.ts'
import type { SystemPorts } from './ports.ts'
import { type PostgresServer, startPostgres } from './postgres.ts'
import { secretIn } from './secret.ts'
import { startService, waitUntilReady } from './services.ts'
import { refuseDeadUrls } from './upstreams.ts'

/** Who connects to the broker: a service, what makes stream and consumers, or the console. */
export type BrokerAccount = ServiceName | 'provisioner' | 'console'

export interface SystemOptions {
  /** The repository's folder. */
  root: string
  /** State that survives a restart. */
  dataDir: string
  ports: SystemPorts
  /** What the processes read; whatever names a database or a broker here is used in place of an embedded one. */
  env: Env
  /** The broker's accounts: configuration text, and the password of each. */
  broker: { authorization: string, users: Record<BrokerAccount, { user: string, password: string }> }
  /** Applies the pending migrations of a service's database. */
  migrate: (service: ServiceName, ownerUrl: string) => Promise<void>
  /** Makes stream and consumers. */
  provision: (natsUrl: string) => Promise<void>
  say?: (line: string) => void
  /** For tests: commits may be lost when the machine dies. */
  unsafeButFast?: boolean
  onOutput?: (name: string, text: string) => void
}

export interface RunningSystem {
  /** Every server and process by name, in the order in which they were started. */
  children: Map<string, Child>
  natsUrl: string
  /** The URL of a broker account. */
  brokerUrl (account: BrokerAccount): string
  databaseUrl (service: ServiceName): string
  postgres: PostgresServer | undefined
  nats: NatsServer | undefined
  /** Starts a process again that was stopped or killed, and waits until it is ready. */
  startAgain (name: ServiceName | 'nats-server' | 'PostgreSQL'): Promise<void>
  /** Ends a service in order and starts it again; resolves once it is ready. */
  restart (name: ServiceName): Promise<void>
  /** Resolves with a line about the first process that ended unexpectedly. */
  broken: Promise<string>
  /** Gateway first, then services, NATS, PostgreSQL. */
  stop (): Promise<void>
}

/** Starts the whole system and resolves when everything is ready; when that fails, everything is stopped again. */
export async function startSystem (options: SystemOptions): Promise<RunningSystem> {
  const { root, dataDir, ports, env, broker, say = () => {}, onOutput } = options
  await mkdir(dataDir, { recursive: true })
  const children = new Map<string, Child>()
  const broken = Promise.withResolvers<string>()
  let stopping = false

  function watch<Kind extends Child> (child: Kind): Kind {
    children.set(child.name, child)
    void child.ended.then((text) => {
      if (!stopping && children.get(child.name) === child) {
        broken.resolve([text, reasonIn(child.lastWords())].filter(Boolean).join(': '))
      }
    })
    return child
  }

  async function stop () {
    stopping = true
    const stopAll = (names: readonly string[]) => Promise.all(names.map((name) => children.get(name)?.stop(26_000)))
    await stopAll(['gateway'])
    await stopAll(declarations.map(({ name }) => name))
    await stopAll(['nats-server'])
    await stopAll(['PostgreSQL'])
  }

  const embeddedDatabases = databaseOwners.filter(({ prefix }) => !env[`${prefix}_DATABASE_URL`])
  const servers = {
    PostgreSQL: async () =>
      watch(await startPostgres({
        port: ports.postgres,
        dataDir: join(dataDir, 'postgres'),
        services: databaseOwners.map(({ database }) => database),
        unsafeButFast: options.unsafeButFast,
        say
      })),
    'nats-server': async () =>
      watch(await startNats({
        port: ports.nats,
        dataDir: join(dataDir, 'nats'),
        authorization: broker.authorization,
        say
      }))
  }
  const starting = [
    embeddedDatabases.length > 0 ? servers.PostgreSQL() : undefined,
    env.NATS_URL ? undefined : servers['nats-server']()
  ] as const
  const givenUp = new AbortController()
  try {
    const [postgres, nats] = await Promise.all(starting)
    const tokenSecret = env.TOKEN_SECRET || await secretIn(join(dataDir, 'token-secret'))

    const databaseUrl = (service: ServiceName) => {
      const { prefix, database } = services[service]
      return env[`${prefix}_DATABASE_URL`] || postgres!.serviceUrl(database)
    }
    const ownerUrl = ({ prefix, database }: ServiceDefinition) =>
      env[`${prefix}_MIGRATION_DATABASE_URL`] || env[`${prefix}_DATABASE_URL`] || postgres!.ownerUrl(database)
    const brokerUrl = (account: BrokerAccount) => {
      if (env.NATS_URL) {
        return (account !== 'provisioner' && env[`${prefixOf(account)}_NATS_URL`]) || env.NATS_URL
      }
      const { user, password } = broker.users[account]
      return `nats://${user}:${password}@127.0.0.1:${ports.nats}`
    }
    await Promise.all([
      ...databaseOwners.map((service) => options.migrate(service.name, ownerUrl(service))),
      options.provision(brokerUrl('provisioner'))
    ])

    const start = (service: ServiceName) => {
      const settings = {
        databaseUrl: services[service].store === 'none' ? undefined : databaseUrl(service),
        natsUrl: brokerUrl(service),
        tokenSecret,
        dataDir
      }
      watch(startService({ service, root, ports, env, settings, onOutput }))
    }
    for (const { name } of declarations) start(name)
    const ready = Promise.all(declarations.map(async ({ name: service }) => {
      await waitUntilReady(service, ports[service], { host: env.HOST || undefined, givenUp: givenUp.signal, say })
      await refuseDeadUrls(service, env)
    }))
    await Promise.race([ready, broken.promise.then((text) => { throw new Error(text) })])

    async function startAgain (name: ServiceName | 'nats-server' | 'PostgreSQL') {
      if (name === 'nats-server' || name === 'PostgreSQL') {
        await servers[name]()
        return
      }
      start(name)
      await waitUntilReady(name, ports[name], { host: env.HOST || undefined })
    }

    return {
      children,
      postgres,
      nats,
      natsUrl: env.NATS_URL || nats!.url,
      brokerUrl,
      databaseUrl,
      broken: broken.promise,
      stop,
      async restart (name) {
        const child = children.get(name)
        children.delete(name) // its end is wanted
        await child?.stop(26_000)
        await startAgain(name)
      },
      startAgain
    }
  } catch (error) {
    givenUp.abort()
    await Promise.allSettled(starting)
    await stop()
    throw error
  }
}

/** The line of a process's last output that says why it ended. */
function reasonIn (lastWords: string) {
  const lines = lastWords.split('\n').map((line) => line.trim()).filter(Boolean)
  return lines.find((line) => line.includes(': ')) ?? lines.at(-1)
}
