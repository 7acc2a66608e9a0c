import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { declarations } from '@gatepost/contracts/declarations'
import { namesOf } from './names.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const templates = fileURLToPath(new URL('./template/', import.meta.url))
const tables = join(root, 'packages/events/tables')

/** Names of other things in the places that a service's name goes to. */
const RESERVED = new Set([
  'console', 'docs', 'events', 'health', 'live', 'metrics', 'node', 'operator', 'postgres', 'problems', 'provisioner',
  'public', 'ready', 'redis', 'service', 'services', 'subscriber', 'template0', 'template1', 'test', 'users', 'webhooks'
])

/** The folders of a service; deleting them removes it. */
export const foldersOf = (name: string) => [`packages/contracts/src/${name}`, `services/${name}`, `prisma/${name}`]

/** Throws one line when the name cannot be that of a new service. */
export function refuseName (name: string): void {
  if (!/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/.test(name) || name.length > 30) {
    throw new Error(`"${name}" is no name of a service: it needs words in kebab-case, 30 characters at most`)
  }
  if (RESERVED.has(name)) throw new Error(`"${name}" is reserved: choose another name`)
  if (declarations.some((service) => service.name === name)) throw new Error(`there is a service "${name}" already`)
  const left = foldersOf(name).filter((folder) => existsSync(join(root, folder)))
  if (left.length > 0) {
    throw new Error(`left of a run that was broken off: ${left.join(', ')}; delete it first`)
  }
}

/** Every file of a new service by its path. */
export async function filesOf (name: string): Promise<Record<string, string>> {
  const values: Record<string, string> = { ...namesOf(name), port: String(freePort()) }
  const fill = (text: string) => text.replaceAll(/\{\{(\w+)\}\}/g, (_, token: string) => values[token]!)
  const files: Record<string, string> = {}
  for (const path of globSync('**/*.tmpl', { cwd: templates }).sort()) {
    files[placeOf(fill(path).replace(/\.tmpl$/, ''), name)] = fill(await readFile(join(templates, path), 'utf8'))
  }
  const schema = `prisma/${name}/schema.prisma`
  const migration = `prisma/${name}/migrations/${stamp()}_begin/migration.sql`
  for (const part of ['secrets', 'outbox', 'inbox']) {
    files[schema] += `\n${await readFile(join(tables, `${part}.prisma`), 'utf8')}`
    files[`prisma/${name}/migration.sql`] += `\n${await readFile(join(tables, `${part}.sql`), 'utf8')}`
  }
  files[migration] = files[`prisma/${name}/migration.sql`]!
  delete files[`prisma/${name}/migration.sql`]
  for (const same of ['prisma.config.ts', 'migrations/migration_lock.toml']) {
    files[`prisma/${name}/${same}`] = await readFile(join(root, 'prisma/posts', same), 'utf8')
  }
  return files
}

function placeOf (path: string, name: string) {
  const [folder, ...rest] = path.split('/')
  const places: Record<string, string> = {
    contracts: `packages/contracts/src/${name}`,
    service: `services/${name}`,
    prisma: `prisma/${name}`
  }
  return [places[folder!], ...rest].join('/')
}

/** The first port that no declaration has, nor the metrics of one. */
function freePort () {
  const taken = new Set(declarations.map(({ port }) => port))
  let port = 3001
  while (taken.has(port)) port++
  return port
}

const stamp = () => new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)

/** Writes a service, has it installed and everything generated that follows from it. */
export async function newService (name: string, { dryRun }: { dryRun: boolean }): Promise<void> {
  refuseName(name)
  const files = await filesOf(name)
  for (const path of Object.keys(files).sort()) console.log(path)
  if (dryRun) return console.log('nothing is written: --dry-run')
  // Written aside and moved at the end, so that a run that is broken off leaves nothing that looks like a service.
  const aside = join(root, 'node_modules/.cache', `new-${name}`)
  await rm(aside, { recursive: true, force: true })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(aside, path)), { recursive: true })
    await writeFile(join(aside, path), text)
  }
  for (const folder of foldersOf(name)) await rename(join(aside, folder), join(root, folder))
  await rm(aside, { recursive: true, force: true })
  await run('pnpm', process.env.npm_execpath ? [process.env.npm_execpath] : [], ['install', '--prefer-offline'])
  await run(process.execPath, [], ['scripts/generate.ts'])
  await run(process.execPath, [], ['scripts/new/golden.ts', name])
  console.log(`
${name} is written. Next:
  pnpm check && pnpm test services/${name}
  pnpm start          serves /api/${name} through the gateway
  packages/contracts/src/${name}/operations.ts and events.ts say what it answers and publishes; the schema is
  prisma/${name}/schema.prisma (then: pnpm migrate dev ${name} <what-changed>)`)
}

async function run (program: string, script: string[], args: string[]) {
  const [file, ...rest] = script.length > 0 && /\.[cm]?js$/.test(script[0]!)
    ? [process.execPath, ...script, ...args]
    : [script[0] ?? program, ...args]
  // A new member changes the lockfile, which pnpm refuses to do where CI is set.
  const env = { ...process.env, CI: undefined }
  const child = spawn(file!, rest, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`\`${[program, ...args].join(' ')}\` failed; run it again once its cause is gone`)
}
