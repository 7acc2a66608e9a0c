import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findBinary, NATS } from '@gatepost/local-stack/binaries'
import { afterAll, beforeAll, expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../deploy/nats/write-configuration.ts', import.meta.url))
let folder: string
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'gatepost-configuration-')) })
afterAll(() => rm(folder, { recursive: true }))

/** Writes the configuration with the subscribers of a list, and resolves with it. */
async function write (list: string, settings: Record<string, string> = {}) {
  const [subscribers, file] = [join(folder, 'subscribers.json'), join(folder, 'nats-server.conf')]
  await writeFile(subscribers, list)
  const passwords = Object
    .fromEntries(['AUTH', 'POSTS', 'FEED', 'GATEWAY', 'PROVISIONER'].map((name) => [`NATS_${name}_PASSWORD`, 'secret']))
  await promisify(execFile)(process.execPath, [script, file], {
    env: { ...process.env, ...passwords, NATS_SUBSCRIBERS: subscribers, ...settings }
  })
  return readFile(file, 'utf8')
}

test('a deployed broker has the accounts of its subscribers, and lets nobody in without credentials', async () => {
  const text = await write(JSON.stringify([{ name: 'billing', password: 'secret-of-billing', consumers: 3 }]))
  expect(text).toContain('"SUBSCRIBER_billing"')
  expect(text).toContain('max_consumers: 2003 ')
  expect(text).not.toContain('no_auth_user')
})

const cluster = { NATS_SERVER_NAME: 'n-0', NATS_CLUSTER_ROUTES: 'n-0:6222,n-1:6222', NATS_CLUSTER_PASSWORD: 'secret' }

test('a server of a cluster has a name of its own and the routes, and a nats-server takes it', async () => {
  const text = await write('[]', { ...cluster, NATS_SERVER_NAME: '$POD_NAME', NATS_LISTEN: '127.0.0.1:4300' })
  expect(text).toContain('server_name: $POD_NAME\n')
  expect(text).toContain('"nats://route:secret@n-1:6222"')
  expect(text).toContain('listen: "127.0.0.1:4300"')
  const { path, env } = await findBinary(NATS)
  const file = join(folder, 'nats-server.conf')
  await promisify(execFile)(path, ['-t', '-c', file], { env: { ...process.env, ...env, POD_NAME: 'n-0' } })
  await expect(promisify(execFile)(path, ['-t', '-c', file], { env: { ...process.env, ...env } })).rejects
    .toThrow(/POD_NAME/)
})

test.each([
  [{ NATS_SERVER_NAME: '' }, 'NATS_SERVER_NAME is missing'],
  [{ NATS_CLUSTER_PASSWORD: '' }, 'NATS_CLUSTER_PASSWORD is missing'],
  [{ NATS_CLUSTER_ROUTES: 'nats-0' }, 'NATS_CLUSTER_ROUTES .*nats-0']
])('settings that make no server are refused in one line: %j', async (wrong, reason) => {
  await expect(write('[]', { ...cluster, ...wrong })).rejects
    .toMatchObject({ code: 1, stderr: expect.stringMatching(new RegExp(`^${reason}[^\\n]*\\n$`)) })
})

test.each([
  ['no JSON', 'it is no list'],
  ['{}', 'it is no list'],
  ['[null]', 'no name'],
  ['[{"name":"posts","password":"x","consumers":1}]', 'a name of our own'],
  ['[{"name":"Bill }","password":"x","consumers":1}]', 'is no name'],
  ['[{"name":"billing","password":"x","consumers":0}]', 'needs 1 to 50']
])('a list that is none is refused in one line: %s', async (list, reason) => {
  await expect(write(list)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(new RegExp(`^[^\\n]*lists no subscribers: [^\\n]*${reason}[^\\n]*\\n$`))
  })
})
