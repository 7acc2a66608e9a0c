import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { databaseOwners, declarations } from '@gatepost/contracts/declarations'
import { serviceEnvironment, type ServiceSettings } from '@gatepost/local-stack/services'
import { parseSettings, SettingsError } from '@gatepost/service-kit/settings'
import { settingsSchemas } from '../settings.ts'
import { refuseLoneBrokerUrls } from './broker.ts'
import { refuseUnusablePorts } from './ports.ts'

type Wanted = Pick<ServiceSettings, 'root' | 'ports' | 'env'> & { dataDir: string }

/** Throws before anything is touched, with one line for each unusable setting. */
export async function refuseUnusable (wanted: Wanted): Promise<void> {
  refuseBareInstall(wanted.root)
  refuseBadSettings(wanted)
  if (!wanted.env.NATS_URL) refuseLoneBrokerUrls(wanted.env)
  await refuseUnusablePorts(wanted.ports, wanted.env)
}

/** Prisma's clients are made by install scripts, which pnpm leaves out when the environment tells it to. */
function refuseBareInstall (root: string) {
  const missing = databaseOwners.map(({ name }) => name).filter((name) =>
    !existsSync(join(root, 'services', name, 'generated'))
  )
  if (missing.length > 0) {
    throw new Error(
      'the install scripts did not run, as with pnpm_config_ignore_scripts: run ' +
      `\`node scripts/generate-client.ts ${missing.join(' ')}\``
    )
  }
}

/** Stand-ins, valid for every service, for values that the start makes later. */
const MADE_LATER = { natsUrl: 'nats://127.0.0.1', tokenSecret: 'x'.repeat(32) }

function refuseBadSettings ({ root, ports, env, dataDir }: Wanted) {
  const faults = new Set<string>()
  for (const { name: service, prefix, store } of declarations) {
    const databaseUrl = store === 'none' ? undefined : env[`${prefix}_DATABASE_URL`] || 'postgresql://127.0.0.1'
    const settings = {
      ...MADE_LATER,
      ...env.NATS_URL && { natsUrl: env.NATS_URL },
      ...env.TOKEN_SECRET && { tokenSecret: env.TOKEN_SECRET },
      databaseUrl,
      dataDir
    }
    try {
      parseSettings(settingsSchemas[service], serviceEnvironment({ service, root, ports, env, settings }))
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      for (const line of error.message.split('\n')) faults.add(line)
    }
  }
  // A bad HOST makes every URL built from it bad as well.
  const host = [...faults].find((line) => line.startsWith('HOST '))
  if (faults.size > 0) throw new Error(host ?? [...faults].join('\n'))
}
