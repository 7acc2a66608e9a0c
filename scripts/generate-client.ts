// Generates the Prisma clients of the services named, or of all, where one is missing or older than its schema. Each
// service runs it after an install.
import { refreshClients } from './clients.ts'

const services = process.argv.slice(2)
for (const service of await refreshClients(services.length > 0 ? services : undefined)) {
  console.log(`generated the Prisma client of ${service}`)
}
