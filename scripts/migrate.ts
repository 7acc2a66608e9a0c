// pnpm migrate dev <service> <name>   makes a migration of what changed in the schema, on a throw-away PostgreSQL
// pnpm migrate deploy [service]       applies what is pending to <SERVICE>_MIGRATION_DATABASE_URL or <SERVICE>_DATABASE_URL
// pnpm migrate status                 fails when a schema and its migrations disagree
import { relative } from 'node:path'
import { deploy } from './migrate/deploy.ts'
import { makeMigration } from './migrate/make.ts'
import { sqlToSchema } from './migrate/schema-engine.ts'
import { withScratchPostgres } from './migrate/scratch-postgres.ts'
import { type DatabaseService, schemaFolder, SERVICES } from './prisma.ts'

const [command, service, name] = process.argv.slice(2)
const usage = `usage: pnpm migrate dev <${SERVICES.join('|')}> <name> | deploy [service] | status`

function isService (value: string | undefined): value is DatabaseService {
  return SERVICES.includes(value as DatabaseService)
}

async function deployAll (services: readonly DatabaseService[]) {
  for (const one of services) {
    const url = process.env[`${one.toUpperCase()}_MIGRATION_DATABASE_URL`] ?? process.env[`${one.toUpperCase()}_DATABASE_URL`]
    if (!url) throw new Error(`set ${one.toUpperCase()}_MIGRATION_DATABASE_URL (a role that owns the tables) or ${one.toUpperCase()}_DATABASE_URL`)
    const applied = await deploy(one, url)
    console.log(applied.length > 0 ? `${one}: applied ${applied.join(', ')}` : `${one}: nothing to do`)
  }
}

async function checkDrift () {
  await withScratchPostgres(async (server) => {
    for (const one of SERVICES) {
      const sql = await sqlToSchema(schemaFolder(one), server.adminUrl(one))
      if (sql === undefined) {
        console.log(`${one}: schema and migrations agree`)
        continue
      }
      process.exitCode = 1
      console.error(`${one}: schema and migrations disagree; run \`pnpm migrate dev ${one} <name>\`\n${sql}`)
    }
  })
}

try {
  if (command === 'dev' && isService(service) && name) {
    const file = await makeMigration(service, name)
    console.log(file ? `wrote ${relative(process.cwd(), file)}; read it before it is committed` : 'schema and migrations agree: there is nothing to write')
  } else if (command === 'deploy' && (service === undefined || isService(service))) await deployAll(service ? [service] : SERVICES)
  else if (command === 'status') await checkDrift()
  else throw new Error(usage)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
