import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { sessionConfig } from '@gatepost/service-kit/database-session'

const program = fileURLToPath(new URL('../../prisma/schema-engine.mjs', import.meta.url))

interface Answer {
  id: number
  result?: unknown
  error?: { data: { message: string } }
}

/**
 * Prisma's schema engine without the CLI around it, which takes two seconds more for each question. It works on the
 * database at `url`; the role may make databases where migrations have to be tried out.
 */
async function ask (url: string, method: string, params: object): Promise<unknown> {
  const engine = spawn(process.execPath, [program, '--datasource', JSON.stringify({ url: withSession(url) })], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  engine.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`)
  for await (const line of createInterface({ input: engine.stdout })) {
    const { id, result, error } = JSON.parse(line) as Answer
    if (id !== 1) continue
    engine.stdin.end()
    if (error) throw new Error(error.data.message)
    return result
  }
  throw new Error('the schema engine ended without an answer')
}

/** No time limit, and fixed session settings: a migration means the same whatever its role has set. */
function withSession (url: string) {
  const { connectionString, options } = sessionConfig({
    url,
    name: 'gatepost-migrate',
    statementTimeoutMs: 0,
    settings: { idle_in_transaction_session_timeout: '0' }
  })
  const target = new URL(connectionString!)
  target.searchParams.set('options', options!)
  return target.href
}

const filters = { externalTables: [], externalEnums: [] }

/**
 * Applies the pending migrations of a folder, as `prisma migrate deploy` does: under the engine's lock, and noted in
 * its table.
 */
export async function applyMigrations (folder: string, url: string): Promise<void> {
  await ask(url, 'applyMigrations', { migrationsList: await migrationsIn(folder), filters })
}

/** The SQL that leads from what the migrations of a folder make to what its schema says; undefined when they agree. */
export async function sqlToSchema (folder: string, url: string): Promise<string | undefined> {
  const path = `${folder}/schema.prisma`
  const { stdout } = await ask(url, 'diff', {
    from: { tag: 'migrations', ...await migrationsIn(folder) },
    to: { tag: 'schemaDatamodel', files: [{ path, content: await readFile(path, 'utf8') }], configDir: folder },
    script: true,
    exitCode: null,
    shadowDatabaseUrl: null,
    output: null,
    filters
  }) as { stdout: string }
  return stdout.split('\n').every((line) => line.trim() === '' || line.startsWith('--')) ? undefined : stdout
}

/** The names of the migrations of a folder, oldest first. */
export async function migrationNames (folder: string): Promise<string[]> {
  const entries = await readdir(`${folder}/migrations`, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name).sort()
}

async function migrationsIn (folder: string) {
  const read = (name: string) => readFile(new URL(name, pathToFileURL(`${folder}/migrations/`)), 'utf8')
  return {
    baseDir: `${folder}/migrations`,
    lockfile: { path: 'migration_lock.toml', content: await read('migration_lock.toml') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all((await migrationNames(folder)).map(async (name) => (
      {
        path: name,
        migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: await read(`${name}/migration.sql`) } }
      }
    )))
  }
}
