// Generates the Prisma clients of the services named, where one is missing or older than its schema. Each service runs
// it after an install.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { prisma, SERVICES, type DatabaseService } from './prisma.ts'

const root = new URL('..', import.meta.url)

async function generateClient (service: DatabaseService) {
  const schema = readFileSync(new URL(`prisma/${service}/schema.prisma`, root))
  const { version } = JSON.parse(readFileSync(new URL('node_modules/prisma/package.json', root), 'utf8'))
  const state = createHash('sha256').update(schema).update(version).digest('hex')
  const mark = new URL(`services/${service}/generated/.state`, root)
  if (existsSync(mark) && readFileSync(mark, 'utf8') === state) return
  await prisma(service, ['generate'])
  writeFileSync(mark, state)
  console.log(`generated the Prisma client of ${service}`)
}

if (existsSync(new URL('node_modules/prisma', root))) {
  await Promise.all(SERVICES.filter((service) => process.argv.includes(service, 2)).map(generateClient))
} else {
  console.log('the Prisma CLI is not installed (production), so no client is generated')
}
