import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '@gatepost/testing/eventually'
import { emptyDataFolder, lockDataFolder } from '../../scripts/start/data-folder.ts'
import { childrenOf, portVariables, prepareStarts, untilReady } from './support/start-process.ts'

const { folder, ports, start, openPorts } = await prepareStarts()
const api = `http://127.0.0.1:${ports.GATEWAY_PORT}`
const credentials = { email: 'ada@example.org', password: 'a bridge over the river' }

async function call (path: string, body: unknown) {
  return fetch(api + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
}

test('the first run comes up and says where; Ctrl-C stops it in order and leaves nothing', async () => {
  const run = start()
  await untilReady(run)
  expect(run.output()).toContain(api)
  expect(run.output()).toContain(`nats://127.0.0.1:${ports.NATS_PORT}`)
  const [link = ''] = /http:\S+open\?token=\S+/.exec(run.output()) ?? []
  expect([(await fetch(new URL('/', link))).status, (await fetch(link, { redirect: 'manual' })).status])
    .toEqual([401, 303])
  expect((await call('/api/auth/register', { ...credentials, displayName: 'Ada' })).status).toBe(201)
  const children = childrenOf(run.process.pid!)
  run.process.kill('SIGINT')
  expect(await run.ended).toBe(0)
  expect(await openPorts()).toEqual([])
  await eventually(() => {
    const orphans = new Set(childrenOf(1).map(({ pid }) => pid))
    expect(children.filter(({ pid }) => orphans.has(pid))).toEqual([])
  })
}, 180_000)

/** What a start on the same folder says while another one runs, whatever its ports are. */
async function secondStart (...args: string[]) {
  const run = start(await portVariables(), { command: [process.execPath, 'scripts/start.ts', ...args] })
  expect(await run.ended).toBe(1)
  return run.output().trim()
}

test(
  'a second run keeps the data, and has it alone; when a service crashes it says so, stops the rest and fails',
  async () => {
    const run = start({ ...ports, CONSOLE: 'off' })
    await untilReady(run)
    expect(run.output()).not.toContain('applied')
    expect(run.output()).not.toContain('open?token')
    expect((await call('/api/auth/login', credentials)).status).toBe(200)
    const refusal = `Gatepost could not start: another start has the folder ${
      join(folder, 'data')
    }: process ${run.process.pid}, since `
    for (const said of await Promise.all([secondStart(), secondStart('--fresh')])) {
      expect(said)
        .toMatch(new RegExp(`^${refusal}.*Z; stop it, or name another folder with GATEPOST_DATA$`))
    }
    expect((await call('/api/auth/login', credentials)).status).toBe(200)
    const { pid } = childrenOf(run.process.pid!).find(({ args }) => args.includes('services/posts/'))!
    process.kill(pid, 'SIGKILL')
    expect(await run.ended).toBe(1)
    expect(run.output()).toMatch(/^posts ended by SIGKILL$/m)
    expect(await openPorts()).toEqual([])
  },
  180_000
)

/** Stands for pnpm: starts the script by a shell and says who is who. */
const manager = join(folder, 'pnpm.cjs')
writeFileSync(manager, `
  console.log('manager', process.pid)
  const { spawn } = require('node:child_process')
  spawn('sh', ['-c', '"$0" scripts/start.ts; true', process.execPath], { stdio: 'inherit' })
`)

test('it goes on when the script that called its package manager is over, and ends with the manager', async () => {
  const run = start({}, { command: ['sh', '-c', `"${process.execPath}" "${manager}" & sleep 2`] })
  await untilReady(run)
  await eventually(async () => expect(run.process.exitCode).toBe(0))
  const pid = Number(/manager (\d+)/.exec(run.output())![1])
  const [shell] = childrenOf(pid)
  process.kill(childrenOf(shell!.pid)[0]!.pid, 'SIGHUP') // as without a terminal, under nohup
  expect((await fetch(`${api}/live`)).status).toBe(200)
  process.kill(pid, 'SIGKILL')
  await eventually(async () => expect(await openPorts()).toEqual([]), { withinMs: 40_000 })
  await run.ended
  expect(run.output()).toMatch(/stopping …\nstopped; the data is in/)
}, 180_000)

test('nothing runs on when it is killed itself', async () => {
  const run = start()
  await untilReady(run)
  run.process.kill('SIGKILL')
  await eventually(async () => expect(await openPorts()).toEqual([]), { withinMs: 40_000 })
}, 180_000)

test('--fresh forgets what a run keeps, and touches nothing else in the folder', async () => {
  const data = join(folder, 'mixed')
  for (const name of ['postgres', 'nats', 'letters']) mkdirSync(join(data, name, 'inner'), { recursive: true })
  for (const name of ['token-secret', 'notes']) writeFileSync(join(data, name), '')
  await emptyDataFolder(data)
  expect(readdirSync(data).sort()).toEqual(['letters', 'notes'])
})

test('a port in use is one line that names the port and the variable', async () => {
  const other = createServer().listen(Number(ports.FEED_PORT), '127.0.0.1')
  await once(other, 'listening')
  const run = start()
  expect(await run.ended).toBe(1)
  expect(run.output().trim())
    .toBe(
      `Gatepost could not start: port ${ports.FEED_PORT} is in use: stop what has it, or choose another port with ` +
      'FEED_PORT'
    )
  other.close()
  expect(await openPorts()).toEqual([])
})

test('a port that an outgoing connection has is in use as well, though nothing listens there', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const outgoing = connect((other.address() as AddressInfo).port, '127.0.0.1')
  await once(outgoing, 'connect')
  const run = start({ POSTGRES_PORT: String(outgoing.localPort) })
  expect(await run.ended).toBe(1)
  expect(run.output().trim())
    .toBe(
      `Gatepost could not start: port ${outgoing.localPort} is in use: stop what has it, or choose another port ` +
      'with POSTGRES_PORT'
    )
  outgoing.destroy()
  other.close()
})

test('a data folder that cannot be made is one line', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const run = start({ GATEPOST_DATA: join(file, 'data') })
  expect(await run.ended).toBe(1)
  expect(run.output().trim())
    .toBe(
      `Gatepost could not start: the folder ${join(file, 'data')} cannot be written (ENOTDIR): ` +
      'make it writable, or name another one with GATEPOST_DATA'
    )
})

test.skipIf(process.getuid?.() !== 0)('files of another account are left alone, by root too', async () => {
  const theirs = join(folder, 'theirs')
  mkdirSync(theirs)
  chownSync(theirs, 54_321, 54_321)
  chmodSync(folder, 0o711)
  await expect(lockDataFolder(theirs)).rejects
    .toThrow(
      `${theirs} belongs to another account, user id 54321: start as that account, or name another folder with ` +
      'GATEPOST_DATA'
    )
  const ours = join(folder, 'ours')
  mkdirSync(ours)
  const run = start({ GATEPOST_DATA: ours }, { uid: 54_321 })
  expect(await run.ended).toBe(1)
  expect(run.output().trim())
    .toBe(
      `Gatepost could not start: ${ours} belongs to another account, user id 0: give it to this one ` +
      `(sudo chown -R 54321 ${ours}), or name another folder with GATEPOST_DATA`
    )
})

test('no nats-server and no way to fetch one is one line, and PostgreSQL does not stay behind', async () => {
  const programs = mkdtempSync(join(folder, 'path-'))
  for (const name of ['id', 'sh', 'setpriv']) {
    const path = ['/bin', '/usr/bin'].map((bin) => join(bin, name)).find(existsSync)
    if (path) symlinkSync(path, join(programs, name))
  }
  const run = start({
    PATH: programs, GATEPOST_CACHE: join(folder, 'cache'), https_proxy: 'http://127.0.0.1:1', NODE_USE_ENV_PROXY: '1'
  })
  expect(await run.ended).toBe(1)
  const last = run.output().trim().split('\n').at(-1)
  expect(last).toMatch(
    /^Gatepost could not start: nats-server is not on this machine and could not be fetched \(.+\)\. Install it /
  )
  expect(last).toMatch(/, or name one with NATS_SERVER_BIN, and start again\.$/)
  expect(await openPorts()).toEqual([])
}, 60_000)
