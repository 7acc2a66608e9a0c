// Makes the databases and roles of the services on any PostgreSQL; a database that exists is left alone, but for the
// settings of its role. Passwords come from the environment.
import { databaseOwners } from '@gatepost/contracts/declarations'
import { ensureDatabases } from '@gatepost/local-stack/postgres/databases'
import { SESSION_SETTINGS } from '@gatepost/service-kit/database-session'

function required (name: string) {
  const value = process.env[name]
  if (value) return value
  console.error(`${name} is missing`)
  process.exit(1)
}

const credentials = Object.fromEntries(databaseOwners.flatMap(({ prefix, database }) => [
  [database, required(`${prefix}_DATABASE_PASSWORD`)],
  [`${database}_owner`, required(`${prefix}_OWNER_PASSWORD`)]
]))
const databases = databaseOwners.map(({ database }) => database)
const adminUrl = (database = 'postgres') => {
  const url = new URL(required('POSTGRES_ADMIN_URL'))
  url.pathname = `/${database}`
  return url.href
}

await ensureDatabases({ adminUrl, credentials }, databases, SESSION_SETTINGS)
console.log(`the databases of ${databases.join(', ')} are there`)
