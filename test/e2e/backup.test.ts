import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { databaseOwners, declarations } from '@gatepost/contracts/declarations'
import { startSystem, type System } from '@gatepost/testing/system'
import { afterAll, beforeAll, expect, test } from 'vitest'

const SERVICES = declarations.map(({ name }) => name).reverse()
const PASSWORD = 'violet tram 92 over Dresden'
const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}.ts`, import.meta.url))

let system: System
let folder: string
let env: Record<string, string | undefined>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatepost-backup-'))
  system = await startSystem({
    env: { RATE_LIMIT_MAX: '1000000', SENSITIVE_RATE_LIMIT_MAX: '1000000', USER_RATE_LIMIT_MAX: '1000000' }
  })
  env = {
    ...system.operatorEnvironment,
    ...Object.fromEntries(databaseOwners.map(({ name, prefix }) =>
      [`${prefix}_MIGRATION_DATABASE_URL`, system.ownerUrl(name)]
    )),
    TOKEN_SECRET: await system.tokenSecret(),
    BACKUP_PASSPHRASE: 'a passphrase of the tests'
  }
}, 60_000)
afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

const backup = (args: string[], settings: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, [script('backup'), ...args], { env: { ...env, ...settings } })

/** What `events audit` says, once it has nothing to complain about or after a while. */
async function audit () {
  for (let attempt = 1; ; attempt++) {
    const args = [script('events'), 'audit', '--json', '--wait', '10']
    const { stdout } = await promisify(execFile)(process.execPath, args, { env })
      .catch((error: { stdout: string }) => error)
    const report = JSON.parse(stdout)
    if (report.unreconciled === 0 || attempt === 5) return report
    await sleep(1_000)
  }
}

async function call (method: string, path: string, token?: string, body?: object) {
  const answer = await fetch(system.gatewayUrl + path, {
    method,
    headers: {
      ...body && { 'content-type': 'application/json' },
      ...token && { authorization: `Bearer ${token}` }
    },
    ...body && { body: JSON.stringify(body) }
  }).catch(() => undefined)
  const text = await answer?.text()
  return { status: answer?.status, body: answer?.ok && text ? JSON.parse(text) : undefined }
}

let people = 0
async function register () {
  const email = `backup-${people++}@example.com`
  const account = { email, password: PASSWORD, displayName: 'Ada' }
  const { body } = await call('POST', '/api/auth/register', undefined, account)
  return { email, token: body?.accessToken as string }
}

/** Accounts that come, write and go, until told to stop. */
function startLoad () {
  const stopping = new AbortController()
  const clients = Array.from({ length: 4 }, async () => {
    while (!stopping.signal.aborted) {
      const { token } = await register()
      for (let count = 0; count < 10 && !stopping.signal.aborted; count++) {
        const { body } = await call('POST', '/api/posts', token, { title: 'Load', content: String(count) })
        if (body && count % 2 === 1) await call('PATCH', `/api/posts/${body.id}`, token, { content: 'changed' })
      }
      await call('POST', '/api/auth/delete-account', token, { password: PASSWORD })
    }
  })
  return {
    async stop () {
      stopping.abort()
      await Promise.all(clients)
    }
  }
}

/** More by hand: each under load of its own, on the data of those before. */
const ROUNDS = Number(process.env.BACKUP_ROUNDS ?? 1)

async function saveAndRestore (file: string) {
  const load = startLoad()
  await sleep(1_000)
  await backup(['create', file])
  await load.stop()
  for (const service of SERVICES) await system.kill(service)
  await backup(['restore', file, '--replace'])
  for (const service of [...SERVICES].reverse()) await system.startAgain(service)
  expect(await audit()).toMatchObject({ unreconciled: 0, repeated: 0, collisions: 0 })
}

test('a backup that was made under load makes a system in which everything fits', async () => {
  const file = join(folder, 'backup')
  const { email, token } = await register()
  const kept = (await call('POST', '/api/posts', token, { title: 'Kept', content: 'Written before the backup.' })).body
  for (let round = 1; round <= ROUNDS; round++) await saveAndRestore(file)
  const session = await call('POST', '/api/auth/login', undefined, { email, password: PASSWORD })
  expect(session.status).toBe(200)
  expect((await call('GET', `/api/posts/${kept.id}`, session.body.accessToken)).body).toMatchObject({ title: 'Kept' })
  expect((await call('GET', '/api/feed?limit=100', token)).body.items)
    .toContainEqual(expect.objectContaining({ id: kept.id }))

  const { id } = (await call('POST', '/api/posts', token, { title: 'Later', content: 'Written after it.' })).body
  await expect(backup(['restore', file, '--replace'])).rejects.toThrow(/is connected to the database .*: stop it first/)
  expect((await call('GET', `/api/posts/${id}`, token)).status).toBe(200)
}, 120_000 * ROUNDS)

test('a restore refuses what it cannot do, and leaves the system as it is', async () => {
  const file = join(folder, 'backup')
  for (const service of SERVICES) await system.kill(service)
  const cut = join(folder, 'cut')
  await writeFile(cut, await readFile(file))
  await truncate(cut, 20_000)
  const restore = (name: string, settings: Record<string, string> = {}, replace = '--replace') =>
    expect(backup(['restore', name, replace].filter(Boolean), settings)).rejects
  await Promise.all([
    restore(cut).toThrow(/is no whole backup/),
    restore(file, {}, '').toThrow(/there is data, in .*: --replace would lose it/),
    restore(file, { BACKUP_PASSPHRASE: 'another passphrase' }).toThrow(/BACKUP_PASSPHRASE is not the one/),
    restore(file, { TOKEN_SECRET: 'x'.repeat(40) }).toThrow(/TOKEN_SECRET has to be that of the backup/)
  ])
  expect((await backup(['secrets', file])).stdout).toBe(`TOKEN_SECRET=${env.TOKEN_SECRET}\n`)
}, 60_000)
