import { relative } from 'node:path'
import { databaseOwners } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { services as declared } from '@gatepost/contracts/services'
import { refreshClients } from '../clients.ts'
import { migrationVariable } from '../connection-fault.ts'
import { schemaFolder } from '../prisma.ts'
import { deploy } from './deploy.ts'
import { makeMigration } from './make.ts'
import { sqlToSchema } from './schema-engine.ts'
import { withScratchPostgres } from './scratch-postgres.ts'

/** Writes the migration of one service from its changed schema. */
export async function makeOne (service: ServiceName, name: string): Promise<void> {
  await refreshClients([service])
  const file = await makeMigration(service, name)
  console
    .log(file
      ? `wrote ${relative(process.cwd(), file)}; read it before it is committed`
      : 'schema and migrations agree: there is nothing to write')
}

/** Applies pending migrations to the databases that the environment names. */
export async function deployAll (services: readonly ServiceName[]): Promise<void> {
  for (const one of services) {
    const url = process.env[migrationVariable(one, process.env) ?? '']
    if (!url) {
      const { prefix } = declared[one]
      throw new Error(`set ${prefix}_MIGRATION_DATABASE_URL (a role that owns the tables) or ${prefix}_DATABASE_URL`)
    }
    const applied = await deploy(one, url)
    console.log(applied.length > 0 ? `${one}: applied ${applied.join(', ')}` : `${one}: nothing to do`)
  }
}

/** Whether every schema is what its migrations make; says where it is not. */
export async function checkDrift (): Promise<boolean> {
  let agree = true
  await withScratchPostgres(async (server) => {
    for (const { name: one, database } of databaseOwners) {
      const sql = await sqlToSchema(schemaFolder(one), server.adminUrl(database))
      if (sql === undefined) {
        console.log(`${one}: schema and migrations agree`)
        continue
      }
      agree = false
      console.error(`${one}: schema and migrations disagree; run \`pnpm migrate dev ${one} <name>\`\n${sql}`)
    }
  })
  return agree
}
