import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { brokerAuthorization } from '@gatepost/events/permissions'
import { provision } from '@gatepost/events/provision'
import { secretIn } from '@gatepost/local-stack/secret'

const ACCOUNTS = ['auth', 'posts', 'feed', 'gateway', 'provisioner'] as const

/** The embedded broker's accounts, whose passwords live in `dataDir`/nats, and how its stream and consumers are made. */
export async function embeddedBroker (dataDir: string) {
  const folder = join(dataDir, 'nats')
  await mkdir(folder, { recursive: true })
  const users = Object.fromEntries(await Promise.all(ACCOUNTS.map(async (account) => [account, { user: account, password: await secretIn(join(folder, `${account}.password`)) }]))) as
    Record<typeof ACCOUNTS[number], { user: string, password: string }>
  return {
    broker: { authorization: brokerAuthorization(users), users },
    provision: async (natsUrl: string) => { await provision({ servers: natsUrl }) }
  }
}
