import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { declarations } from '@gatepost/contracts/declarations'
import { brokerAuthorization } from '@gatepost/events/permissions'
import type { Subscriber } from '@gatepost/events/subscribers'
import { provision } from '@gatepost/events/provision'
import { type NatsServer, startNats } from '@gatepost/local-stack/nats'
import { freePorts } from '@gatepost/local-stack/ports'
import type { BrokerAccount } from '@gatepost/local-stack/system'

/** Who connects to the broker of a run. */
export const ACCOUNTS: readonly BrokerAccount[] = [...declarations.map(({ name }) => name), 'provisioner', 'console']

/** Accounts with fresh passwords. */
export function brokerUsers () {
  return Object.fromEntries(ACCOUNTS.map((account) => [account, { user: account, password: randomUUID() }])) as Record<
    BrokerAccount,
    { user: string, password: string }
  >
}

/** Makes stream and consumers. */
export async function provisionBroker (natsUrl: string) {
  await provision({ servers: natsUrl })
}

export interface TestBroker {
  /** The URL without credentials, with the rights of any subscriber. */
  url: string
  /** The URL of an account. */
  urlOf (account: BrokerAccount): string
  server: NatsServer
  /** The folder of its store. */
  dataDir: string
  /** Stops the server, and forgets or keeps its store; `start` brings it back on the same port. */
  halt (): Promise<void>
  start (): Promise<void>
  stop (): Promise<void>
}

/** A nats-server of one's own with the real accounts, stream and consumers. */
export async function startBroker (
  { provisioned = true, subscribers = [] }: { provisioned?: boolean, subscribers?: Subscriber[] } = {}
): Promise<TestBroker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gatepost-nats-'))
  const [port] = await freePorts(1) as [number]
  const users = brokerUsers()
  const launch = () =>
    startNats({ port, dataDir, authorization: brokerAuthorization(users, { anonymous: true, subscribers }) })
  const broker: TestBroker = {
    url: `nats://127.0.0.1:${port}`,
    urlOf: (account) => `nats://${users[account].user}:${users[account].password}@127.0.0.1:${port}`,
    server: await launch(),
    dataDir,
    halt: () => broker.server.stop(),
    start: async () => { broker.server = await launch() },
    stop: async () => {
      await broker.server.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
  if (provisioned) await provisionBroker(broker.urlOf('provisioner'))
  return broker
}
