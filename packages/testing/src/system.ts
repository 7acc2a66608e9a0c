import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { databaseOwners } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { consoleLink, consoleSecrets, startConsole, tracingSettings } from '@gatepost/local-stack/console'
import { ensureReader, type Readable } from '@gatepost/local-stack/postgres/reader'
import { freeSystemPorts, type SystemPorts } from '@gatepost/local-stack/ports'
import { type BrokerAccount, type RunningSystem, startSystem as start } from '@gatepost/local-stack/system'
import { brokerUsers, provisionBroker } from './broker.ts'
import { createDatabase } from './database.ts'
import { brokerAuthorization } from '@gatepost/events/permissions'

export interface System {
  gatewayUrl: string
  authUrl: string
  postsUrl: string
  feedUrl: string
  /** The URL without credentials, with the rights of any subscriber. */
  natsUrl: string
  ports: SystemPorts
  /** The output of each process, by name. */
  output: Map<string, string>
  /** The folder of mails, keys and logs of this run. */
  dataDir: string
  /** As the service connects, with a role whose settings are hostile; for clients of a test there is `ownerUrl`. */
  databaseUrl (service: ServiceName): string
  /** As the role that owns the tables. */
  ownerUrl (service: ServiceName): string
  /** The secret of auth's keys and refresh tokens; the operator's commands need it. */
  tokenSecret (): Promise<string>
  /** Environment by which the operator's commands find this system. */
  operatorEnvironment: Record<string, string | undefined>
  /** A broker account's URL. */
  brokerUrl (account: BrokerAccount): string
  signal (child: ServiceName | 'nats-server', signal: NodeJS.Signals): void
  /** Sends SIGKILL and waits for the end. */
  kill (name: ServiceName | 'nats-server'): Promise<void>
  /** Starts a killed process again and waits until it is ready. */
  startAgain (name: ServiceName | 'nats-server'): Promise<void>
  /** Opens the console, once; undefined without one. */
  consoleLink: string | undefined
  consolePid: number | undefined
  /** Databases as the console may read them. */
  consoleDatabaseUrls: Partial<Record<ServiceName, string>>
  stop (): Promise<void>
}

/** What a console may read, by service, table and column. */
type ConsoleReads = Readonly<Record<string, Readable>>

const READER = 'console'

/**
 * The whole system as processes on free ports, with a nats-server of its own and databases of its own in the run's
 * PostgreSQL.
 */
export async function startSystem (
  { env = {}, console }: { env?: Record<string, string>, console?: ConsoleReads } = {}
): Promise<System> {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const dataDir = await mkdtemp(join(tmpdir(), 'gatepost-system-'))
  await chmod(dataDir, 0o711)
  const ports = await freeSystemPorts()
  const databases = await Promise.all(databaseOwners.map(({ name }) => createDatabase(name, { hostile: true })))
  const output = new Map<string, string>()
  const users = brokerUsers()
  const secrets = console && consoleSecrets()
  const running: RunningSystem = await start({
    root,
    dataDir,
    ports,
    env: {
      PATH: process.env.PATH,
      ...Object.fromEntries(databaseOwners.map(({ prefix }, at) => [`${prefix}_DATABASE_URL`, databases[at]!.url])),
      ...secrets && tracingSettings(ports, secrets, env),
      ...env
    },
    broker: { authorization: brokerAuthorization(users, { anonymous: true }), users },
    migrate: async () => {}, // the databases are clones of migrated ones
    provision: provisionBroker,
    onOutput: (name, text) => output.set(name, (output.get(name) ?? '') + text)
  })
  const consoleDatabaseUrls: System['consoleDatabaseUrls'] = {}
  const consoleProcess = console && await startTestConsole()

  /** With a role of its own, which reads the clones. */
  async function startTestConsole () {
    const password = randomUUID()
    const read = databaseOwners.map(({ name }, at) => [databases[at]!.name, console![name] ?? {}] as const)
    const adminUrl = (name: string) => databases.find((database) => database.name === name)!.adminUrl
    await ensureReader({ adminUrl, role: READER, password, databases: Object.fromEntries(read) })
    databaseOwners.forEach(({ name }, at) => {
      const url = new URL(databases[at]!.url)
      consoleDatabaseUrls[name] = Object.assign(url, { username: READER, password }).href
    })
    return startConsole({
      root,
      ports,
      env: { PATH: process.env.PATH },
      dataDir,
      system: running,
      secrets: secrets!,
      databases: consoleDatabaseUrls as Record<string, string>,
      onOutput: (name, text) => output.set(name, (output.get(name) ?? '') + text)
    })
  }

  const child = (name: string) => running.children.get(name)!
  const url = (port: number) => `http://127.0.0.1:${port}`
  return {
    gatewayUrl: url(ports.gateway),
    authUrl: url(ports.auth),
    postsUrl: url(ports.posts),
    feedUrl: url(ports.feed),
    natsUrl: running.natsUrl,
    ports,
    output,
    dataDir,
    databaseUrl: running.databaseUrl,
    ownerUrl: (service) => databases[databaseOwners.findIndex(({ name }) => name === service)]!.ownerUrl,
    tokenSecret: async () => (await readFile(join(dataDir, 'token-secret'), 'utf8')).trim(),
    operatorEnvironment: {
      ...process.env,
      NATS_URL: running.brokerUrl('provisioner'),
      ...Object.fromEntries(databaseOwners.map(({ name, prefix }) =>
        [`${prefix}_DATABASE_URL`, running.databaseUrl(name)]
      ))
    },
    brokerUrl: running.brokerUrl,
    signal: (name, signal) => child(name).signal(signal),
    async kill (name) {
      child(name).signal('SIGKILL')
      await child(name).ended
    },
    startAgain: running.startAgain,
    consoleLink: secrets && consoleLink(ports, secrets),
    consolePid: consoleProcess?.pid,
    consoleDatabaseUrls,
    async stop () {
      await consoleProcess?.stop()
      await running.stop()
      await Promise.all(databases.map((database) => database.drop()))
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}
