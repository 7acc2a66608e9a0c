// Makes the databases and roles of the services on any PostgreSQL; a database that exists is left alone, but for the
// settings of its role. Passwords come from the environment.
import { ensureDatabases } from '@gatepost/local-stack/postgres/databases'
import { SESSION_SETTINGS } from '@gatepost/service-kit/database-session'

const SERVICES = ['auth', 'posts', 'feed']

function required (name: string) {
  const value = process.env[name]
  if (value) return value
  console.error(`${name} is missing`)
  process.exit(1)
}

const credentials = Object.fromEntries(SERVICES.flatMap((service) => [
  [service, required(`${service.toUpperCase()}_DATABASE_PASSWORD`)],
  [`${service}_owner`, required(`${service.toUpperCase()}_OWNER_PASSWORD`)]
]))
const adminUrl = (database = 'postgres') => {
  const url = new URL(required('POSTGRES_ADMIN_URL'))
  url.pathname = `/${database}`
  return url.href
}

await ensureDatabases({ adminUrl, credentials }, SERVICES, SESSION_SETTINGS)
console.log(`the databases of ${SERVICES.join(', ')} are there`)
