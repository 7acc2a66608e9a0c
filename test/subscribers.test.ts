import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectOperator } from '@gatepost/events/operator'
import { startNats } from '@gatepost/local-stack/nats'
import { freePorts } from '@gatepost/local-stack/ports'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runEvents } from '../scripts/events/run.ts'
import { embeddedBroker } from '../scripts/start/broker.ts'

let dataDir: string
let env: Record<string, string>
let nats: Awaited<ReturnType<typeof startNats>>
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gatepost-subscribers-'))
  const [port] = await freePorts(1) as [number]
  env = { GATEPOST_DATA: dataDir, NATS_PORT: String(port) }
  const { broker, provision } = await embeddedBroker(dataDir)
  nats = await startNats({ port, dataDir: join(dataDir, 'nats'), authorization: broker.authorization })
  const { user, password } = broker.users.provisioner
  await provision(`nats://${user}:${password}@127.0.0.1:${port}`)
})
afterAll(async () => {
  await nats.stop()
  await rm(dataDir, { recursive: true })
})

/** What a command prints for programs. */
async function run (...args: string[]) {
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    await runEvents([...args, '--json'], env)
    return said.mock.calls.map(([line]) => JSON.parse(String(line)))
  } finally {
    said.mockRestore()
  }
}

test('the embedded broker takes a subscriber while it runs, and takes it away with its consumers', async () => {
  const [added] = await run('subscriber', 'add', 'billing', '--consumers', '2')
  expect(added).toMatchObject({
    inboxPrefix: '_INBOX_billing',
    consumers: ['billing', 'billing_2'],
    state: 'in effect now'
  })
  const billing = await connectOperator(added.address)
  await billing.jsm.consumers.add('EVENTS', { durable_name: 'billing_2' })
  await expect(run('subscriber', 'add', 'billing')).rejects.toThrow('there is a subscriber billing')
  expect(await run('subscriber', 'list')).toEqual([{ name: 'billing', consumers: 2 }])
  const file = join(dataDir, 'nats/subscribers.json')
  expect((await stat(file)).mode & 0o077).toBe(0)

  expect(await run('subscriber', 'remove', 'billing')).toMatchObject([{ state: 'in effect now' }])
  await expect(connectOperator(added.address)).rejects.toThrow()
  expect(await readFile(file, 'utf8')).toBe('[]\n')
  const [again] = await run('subscriber', 'add', 'billing')
  const successor = await connectOperator(again.address)
  await expect(successor.jsm.consumers.info('EVENTS', 'billing_2')).rejects.toThrow('consumer not found')
  await Promise.all([billing.close(), successor.close()])
})
