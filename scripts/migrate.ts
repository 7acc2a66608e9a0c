import { databaseOwners } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { command, UsageError } from './command-line.ts'

const SERVICES = databaseOwners.map(({ name }) => name)

const help = `
usage: pnpm migrate <command>

  dev <service> <name>   makes a migration of what changed in the schema, on a throw-away PostgreSQL
  deploy [service]       applies pending migrations to <SERVICE>_MIGRATION_DATABASE_URL or <SERVICE>_DATABASE_URL
  status                 compares each schema with its migrations

The services are ${SERVICES.join(', ')}.
Exit code 0: done, nothing wrong. 1: a schema and its migrations disagree, or it could not be done. 2: not a command.`

/** The fewest and the most words behind each command. */
const RANGES = new Map<string, readonly [number, number]>([['dev', [2, 2]], ['deploy', [0, 1]], ['status', [0, 0]]])

function serviceOf (word: string): ServiceName {
  if (!SERVICES.includes(word as ServiceName)) throw new UsageError(`there is no service "${word}"`)
  return word as ServiceName
}

await command({ name: 'migrate', help, words: [1, 3] }, async ({ words: [action, ...words] }) => {
  const range = RANGES.get(action!)
  if (!range) throw new UsageError(`there is no command "${action}"`)
  const [fewest, most] = range
  if (words.length > most) throw new UsageError(`unexpected argument '${words[most]}'`)
  if (words.length < fewest) throw new UsageError(`${action} needs a service and a name`)
  const services = words.slice(0, 1).map(serviceOf)
  const { checkDrift, deployAll, makeOne } = await import('./migrate/actions.ts')
  if (action === 'dev') await makeOne(services[0]!, words[1]!)
  else if (action === 'deploy') await deployAll(services.length > 0 ? services : SERVICES)
  else return await checkDrift() ? 0 : 1
})
