// Makes the role by which a console reads the databases of the services, or renews its password and rights. It runs
// after the migrations. CONSOLE_DATABASE_PASSWORD is its password, POSTGRES_ADMIN_URL leads to the server.
import { databaseOwners } from '@gatepost/contracts/declarations'
import { ensureReader } from '@gatepost/local-stack/postgres/reader'
import { readable } from '../../services/console/src/database/readable.ts'

function required (name: string) {
  const value = process.env[name]
  if (value) return value
  console.error(`${name} is missing`)
  process.exit(1)
}

await ensureReader({
  adminUrl (database) {
    const url = new URL(required('POSTGRES_ADMIN_URL'))
    url.pathname = `/${database}`
    return url.href
  },
  role: 'console',
  password: required('CONSOLE_DATABASE_PASSWORD'),
  databases: Object.fromEntries(databaseOwners.map(({ name, database }) => [database, readable[name]!]))
})
console.log('the role console may read what a console shows')
