// Makes the databases and roles of the services on any PostgreSQL; what exists is left alone. Passwords come from the environment.
import { ensureDatabases } from '@gatepost/local-stack/postgres/databases'

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

await ensureDatabases({ adminUrl, credentials }, SERVICES)
console.log(`the databases of ${SERVICES.join(', ')} are there`)
