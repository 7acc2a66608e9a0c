import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Env } from '@gatepost/local-stack/environment'
import { brokerAuthorization } from '@gatepost/events/permissions'
import { readSubscribers } from '@gatepost/events/subscriber-file'
import { provision } from '@gatepost/events/provision'
import { ACCOUNTS_FILE } from '@gatepost/local-stack/nats'
import { secretIn } from '@gatepost/local-stack/secret'

const ACCOUNTS = ['auth', 'posts', 'feed', 'gateway', 'provisioner'] as const

/**
 * An outside broker has a URL for each of its users: `AUTH_NATS_URL` and the like for the services, NATS_URL for what
 * makes the stream, and for services without one of their own.
 */
export function refuseLoneBrokerUrls (env: Env) {
  const lone = ACCOUNTS.filter((account) => account !== 'provisioner').map((account) =>
    `${account.toUpperCase()}_NATS_URL`
  ).find((name) => env[name])
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
  const users = Object
    .fromEntries(await Promise
      .all(ACCOUNTS.map(async (
        account
      ) => [account, { user: account, password: await secretIn(join(folder, `${account}.password`)) }]))) as Record<
      typeof ACCOUNTS[number],
      { user: string, password: string }
    >
  const authorization = brokerAuthorization(users, {
    anonymous: true,
    subscribers: await readSubscribers(subscribersOf(dataDir))
  })
  return {
    broker: { authorization, users },
    provision: async (natsUrl: string) => { await provision({ servers: natsUrl }) }
  }
}

/** Rewrites the embedded broker's accounts; a running broker reloads them at once. */
export async function writeEmbeddedAccounts (dataDir: string) {
  const { broker } = await embeddedBroker(dataDir)
  const file = join(dataDir, 'nats', ACCOUNTS_FILE)
  await writeFile(`${file}.new`, broker.authorization, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
