import { readdir } from 'node:fs/promises'
import pg from 'pg'
import { type DatabaseService, prisma } from '../prisma.ts'

const root = new URL('../../', import.meta.url)

/** Applies what is pending and says which. The CLI, which takes seconds, runs only when something is. */
export async function deploy (service: DatabaseService, ownerUrl: string): Promise<string[]> {
  const pending = await pendingMigrations(service, ownerUrl)
  if (pending.length > 0) {
    await prisma(service, ['migrate', 'deploy'], ownerUrl).catch((error: Error & { stderr?: string }) => {
      throw new Error(`the migrations of ${service} failed:\n${error.stderr || error.message}`, { cause: error })
    })
  }
  return pending
}

/** Migrations in the folder that the database has not finished. */
export async function pendingMigrations (service: DatabaseService, url: string): Promise<string[]> {
  const folder = new URL(`prisma/${service}/migrations/`, root)
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name).sort()
  const done = await finishedMigrations(url)
  return names.filter((name) => !done.has(name))
}

async function finishedMigrations (url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query('SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL')
    return new Set(rows.map((row: { migration_name: string }) => row.migration_name))
  } catch (error) {
    if ((error as { code?: string }).code === '42P01') return new Set<string>() // no such table: nothing was ever applied
    throw error
  } finally {
    await client.end()
  }
}
