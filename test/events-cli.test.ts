import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connectOperator } from '@gatepost/events/operator'
import { startSystem, type System } from '@gatepost/testing/system'
import pg from 'pg'
import { events } from '@gatepost/contracts/events'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { UsageError } from '../scripts/command-line.ts'
import { runEvents } from '../scripts/events/run.ts'
import { sources } from '../scripts/events/snapshot.ts'
import { call, register } from './e2e/client.ts'
import { patternOf, type Step, stepsOf } from './e2e/readme-walk.ts'

const MARK = '=== next ==='
let system: System
let env: Record<string, string | undefined>
beforeAll(async () => {
  system = await startSystem()
  env = { ...system.operatorEnvironment, NATS_SUBSCRIBERS: join(system.dataDir, 'subscribers.json') }
}, 60_000)
afterAll(() => system?.stop())

const script = fileURLToPath(new URL('../scripts/events.ts', import.meta.url))

async function post (token: string, title: string) {
  const { body } = await call(system.gatewayUrl, 'POST', '/api/posts', { token, body: { title, content: 'World' } })
  return body.id as string
}

/**
 * A user with two posts, of which the stream has lost the second, and two dead letters. Resolves with the first post's
 * event.
 */
async function setScene () {
  const ada = await register(system.gatewayUrl, 'Ada')
  let operator = await connectOperator(system.brokerUrl('provisioner'))
  const lastSequence = async () => (await operator.jsm.streams.info('EVENTS')).state.last_seq
  await vi.waitUntil(async () => await lastSequence() === 1)
  await post(ada.accessToken, 'Hello')
  await vi.waitUntil(async () => await lastSequence() === 2)
  await post(ada.accessToken, 'Again')
  await vi.waitUntil(async () => (await operator.jsm.consumers.info('EVENTS', 'feed-posts')).ack_floor.stream_seq === 3)
  const event = (await operator.jsm.streams.getMessage('EVENTS', { seq: 2 }))!
  await operator.jsm.streams.deleteMessage('EVENTS', 3)
  await operator.close()
  // The server must forget that it has seen the event, as one that lost its tail has.
  await system.kill('nats-server')
  await system.startAgain('nats-server')
  operator = await connectOperator(system.brokerUrl('provisioner'))
  const letters = [[event.data, 'the disk was full', '2'], [
    Buffer.from('not an event'),
    'not JSON in UTF-8',
    '7'
  ]] as const
  for (const [data, cause, sequence] of letters) {
    const { headers } = await import('@nats-io/transport-node')
    const head = headers()
    const values = {
      Consumer: 'feed-posts',
      Cause: cause,
      Subject: 'events.posts.post-created.v1',
      'Stream-Sequence': sequence,
      Deliveries: '1',
      'Failed-At': new Date().toISOString()
    }
    for (const [name, value] of Object.entries(values)) head.set(`Gatepost-${name}`, value)
    await operator.js.publish('dead-letters.feed-posts', data, { headers: head })
  }
  await operator.close()
  return event.json<{ id: string }>().id
}

/** Events of posts that NATS does not take, by the ids of the page; resolves with how to remove them. */
async function quarantineTwo () {
  const posts = new pg.Client({ connectionString: system.ownerUrl('posts') })
  await posts.connect()
  await posts.query(`
    INSERT INTO outbox
      (event_id, aggregate_id, aggregate_version, subject, payload, attempts, quarantined_at, last_error)
    SELECT id, id, 1, 'events.posts.post-created.v1', repeat('x', 1200000), 3, now(), 'larger than max_payload'
    FROM unnest('{018f0000-0000-7000-8000-00000000000a, 018f0000-0000-7000-8000-00000000000b}'::uuid[]) id`)
  return async () => {
    await posts.query('DELETE FROM outbox WHERE length(payload) > 1000000')
    await posts.end()
  }
}

/** The sections of the page; what stands in one goes on from what stood before it there. */
async function sectionsOf (page: string) {
  const text = await readFile(new URL(`../docs/${page}`, import.meta.url), 'utf8')
  return text.split(/^## /m).slice(1).map((section) => ({ title: section.split('\n', 1)[0]!, steps: stepsOf(section) }))
}

async function walk (steps: Step[]) {
  const text = steps.map(({ command }) =>
    `${command.replace('pnpm events', `"${process.execPath}" "${script}"`)}\necho; echo '${MARK}'`
  ).join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-ec', text], { env })
  const printed = stdout.split(`${MARK}\n`)
  for (const [index, { command, output }] of steps.entries()) {
    expect(printed[index]!.trim(), command).toMatch(patternOf(output))
  }
}

test('every command does what docs/events-cli.md says', async () => {
  const sections = await sectionsOf('events-cli.md')
  env.EVENT = await setScene()
  const removeRefused = await quarantineTwo()
  // While it is rebuilt a consumer knows of no event; the proof says that all is well again.
  const last = ['A read model anew', 'Proof']
  await Promise.all(sections.filter(({ title }) => !last.includes(title)).map(({ steps }) => walk(steps)))
  await removeRefused()
  for (const title of last) await walk(sections.find((section) => section.title === title)!.steps)
}, 240_000)

test('an event whose text is no longer kept is shown without it', async () => {
  const id = '018f0000-0000-7000-8000-000000000001'
  const posts = new pg.Client({ connectionString: system.ownerUrl('posts') })
  await posts.connect()
  await posts.query(
    'INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload, stream_sequence) VALUES ($1, ' +
    "$1, 1, 'events.posts.post-created.v1', '', 900)",
    [id]
  )
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  expect(await runEvents(['show', id], env)).toBe(0)
  expect(said.mock.calls.join('')).toMatch(/^its text is no longer kept\n\noutbox {3}posts, row/)
  said.mockRestore()
  await posts.query('DELETE FROM outbox WHERE event_id = $1', [id])
  await posts.end()
})

test('every command has an example there', async () => {
  const examples = (await sectionsOf('events-cli.md')).flatMap(({ steps }) => steps.map(({ command }) => command))
    .join('\n')
  for (
    const command of [
      'tail --type',
      'show',
      'dlq list',
      'dlq show',
      'dlq replay',
      'dlq drop',
      'quarantine list',
      'quarantine release',
      'quarantine skip',
      'replay --consumer',
      'rebuild',
      'resync --dry-run',
      'audit',
      'provision --check',
      'subscriber add',
      'subscriber list',
      'subscriber remove'
    ]
  ) expect(examples).toContain(`pnpm events ${command}`)
})

test.each([
  [],
  ['nonsense'],
  ['constructor'],
  ['show'],
  ['tail', '--type', 'nothing'],
  ['dlq', 'replay'],
  ['dlq', 'list', '1'],
  ['replay', '--consumer', 'nobody', '--from', '1'],
  ['tail', '--count', 'x'],
  ['tail', '--count', '0'],
  ['tail', '--dry-run'],
  ['audit', '5'],
  ['audit', '--what'],
  ['quarantine', 'release'],
  ['quarantine', 'drop', '1'],
  ['quarantine', 'list', '1'],
  ['rebuild'],
  ['rebuild', 'nobody'],
  ['rebuild', 'feed-posts', 'feed-users'],
  ['subscriber', 'add'],
  ['subscriber', 'add', 'Ada'],
  ['subscriber', 'add', 'feed-posts'],
  ['subscriber', 'add', 'ada', '--consumers', '51'],
  ['subscriber', 'rename', 'ada']
])('a command that means nothing is refused in one line: %s', async (...args) => {
  const refusal = await runEvents(args, env).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(UsageError)
  expect((refusal as Error).message).not.toContain('\n')
})

test('a reader that is gone ends the command without a word', async () => {
  const { stderr } = await promisify(execFile)('bash', [
    '-c',
    `set -o pipefail; "${process.execPath}" "${script}" tail --from 1 --json | true`
  ], { env })
  expect(stderr).toBe('')
})

test('a broker that is away is one line and exit code 1', async () => {
  const away = { ...env, NATS_URL: 'nats://127.0.0.1:9' }
  await expect(promisify(execFile)(process.execPath, [script, 'audit'], { env: away })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^events: NATS cannot be reached \(.*\n$/)
  })
})

test('a rebuild needs a session of its own, which a pooler does not give', async () => {
  const pooled = { ...env, FEED_DATABASE_URL: `${env.FEED_DATABASE_URL}?pgbouncer=true` }
  await expect(promisify(execFile)(process.execPath, [script, 'rebuild', 'feed-posts'], { env: pooled })).rejects
    .toMatchObject({ code: 1, stderr: 'events: FEED_DATABASE_URL must be PostgreSQL\'s own here, not a pooler\'s\n' })
})

test('each service with a creating event can publish it again from its rows', () => {
  const owners = events.filter(({ creating }) => creating).map(({ owner }) => owner)
  expect(new Set(Object.keys(sources))).toEqual(new Set(owners))
})
