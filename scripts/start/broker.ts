import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { declarations } from '@gatepost/contracts/declarations'
import type { Env } from '@gatepost/local-stack/environment'
import { brokerAuthorization, type Credential } from '@gatepost/events/permissions'
import { readSubscribers } from '@gatepost/events/subscriber-file'
import { provision, streamSettingsFrom } from '@gatepost/events/provision'
import { ACCOUNTS_FILE } from '@gatepost/local-stack/nats'
import { secretIn } from '@gatepost/local-stack/secret'
import type { BrokerAccount } from '@gatepost/local-stack/system'

/**
 * An outside broker has a URL for each of its users: `AUTH_NATS_URL` and the like for the services, NATS_URL for what
 * makes the stream, and for services without one of their own.
 */
export function refuseLoneBrokerUrls (env: Env) {
  const lone = declarations.map(({ prefix }) => `${prefix}_NATS_URL`).find((name) => env[name])
  if (lone) {
    throw new Error(
      `${lone} is set and NATS_URL is not: set NATS_URL to the same broker, as the user that makes its stream`
    )
  }
}

/** The named subscribers of the embedded broker. */
export const subscribersOf = (dataDir: string) => join(dataDir, 'nats', 'subscribers.json')

/** The embedded broker's accounts, with passwords in `dataDir`/nats, and how its stream and consumers are made. */
export async function embeddedBroker (dataDir: string) {
  const folder = join(dataDir, 'nats')
  await mkdir(folder, { recursive: true })
  const accounts: BrokerAccount[] = [...declarations.map(({ name }) => name), 'provisioner', 'console']
  const users = Object.fromEntries(await Promise.all(accounts.map(async (user) =>
    [user, { user, password: await secretIn(join(folder, `${user}.password`)) }] as const
  ))) as Record<BrokerAccount, Credential>
  const authorization = brokerAuthorization(users, {
    anonymous: true,
    subscribers: await readSubscribers(subscribersOf(dataDir))
  })
  return {
    broker: { authorization, users },
    provision: async (natsUrl: string) => { await provision({ servers: natsUrl, ...streamSettingsFrom(process.env) }) }
  }
}

/** Rewrites the embedded broker's accounts; a running broker reloads them at once. */
export async function writeEmbeddedAccounts (dataDir: string) {
  const { broker } = await embeddedBroker(dataDir)
  const file = join(dataDir, 'nats', ACCOUNTS_FILE)
  await writeFile(`${file}.new`, broker.authorization, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
