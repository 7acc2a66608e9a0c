import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { prisma } from './prisma.ts'

const root = new URL('..', import.meta.url)

/** Generates the Prisma clients that are missing or older than their schemas; returns whose they are. */
export async function refreshClients (services?: readonly string[]): Promise<string[]> {
  if (!existsSync(new URL('node_modules/prisma', root))) return [] // production has no CLI
  const { version } = JSON.parse(readFileSync(new URL('node_modules/prisma/package.json', root), 'utf8'))
  const stale = (services ?? withSchema()).flatMap((service) => {
    const schema = readFileSync(new URL(`prisma/${service}/schema.prisma`, root))
    const state = createHash('sha256').update(schema).update(version).digest('hex')
    const mark = new URL(`services/${service}/generated/.state`, root)
    return existsSync(mark) && readFileSync(mark, 'utf8') === state ? [] : [{ service, state, mark }]
  })
  await Promise.all(stale.map(async ({ service, state, mark }) => {
    await prisma(service, ['generate'])
    writeFileSync(mark, state)
  }))
  return stale.map(({ service }) => service)
}

/** The services whose folder below `prisma` has a schema; an install knows no more than the folders. */
function withSchema () {
  return readdirSync(new URL('prisma', root)).filter((name) =>
    existsSync(new URL(`prisma/${name}/schema.prisma`, root))
  )
}
