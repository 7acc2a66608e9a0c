import { randomBytes } from 'node:crypto'
import { declarations } from '@gatepost/contracts/declarations'
import { connectOperator } from '@gatepost/events/operator'
import { eventually } from '@gatepost/testing/eventually'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAdvice } from '../src/processes/advice.ts'
import { inspect } from './support/inspection.ts'
import { type Account, chromium, PASSWORD, type Stage, startStage } from './support/stage.ts'
import { ask } from './support/visitor.ts'

let stage: Stage
let feed: pg.Client
let admin: Account
let ada: Account
const poisoned: string[] = []
let lastTrace: string

beforeAll(async () => {
  stage = await startStage()
  feed = await connected(stage.system.ownerUrl('feed'))
  await feed.query("ALTER TABLE entries ADD CONSTRAINT poison CHECK (title <> 'Poison') NOT VALID")
  ada = await stage.register('Ada')
  for (let post = 0; post < 2; post++) poisoned.push(await stage.write(ada, 'Poison'))
  admin = await stage.register('Root')
  const auth = await connected(stage.system.ownerUrl('auth'))
  await auth.query("UPDATE users SET role = 'admin' WHERE id = $1", [admin.userId])
  await auth.end()
}, 60_000)
afterAll(async () => {
  await feed?.end()
  await stage?.stop()
})

async function connected (connectionString: string) {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return client
}

function newTrace () {
  const traceId = randomBytes(16).toString('hex')
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` }
}

/** Milliseconds from the answer to a post until its trace shows all that came of it. */
async function timeOfWaterfall () {
  const { traceId, traceparent } = newTrace()
  lastTrace = traceId
  await stage.page.goto(`${stage.origin}/traces/${traceId}`)
  await stage.seen(/still on its way/)
  await stage.write(ada, 'Hello', traceparent)
  const answered = performance.now()
  const rows = [
    'gateway POST /api/posts',
    'posts POST /api/posts',
    'posts outbox WITH',
    'posts publish posts.post-created.v1',
    'feed process posts.post-created.v1',
    'feed inbox INSERT',
    'feed COMMIT',
    'In the stream at',
    'feed-posts applied'
  ]
  await eventually(async () => {
    const text = (await stage.seen(/Trace/)).replace(/\s+/g, ' ')
    expect(rows.filter((row) => !text.includes(row))).toEqual([])
  })
  return performance.now() - answered
}

test.runIf(chromium)('a post made over HTTP is a whole waterfall within a second of its answer', async () => {
  const times = [await timeOfWaterfall(), await timeOfWaterfall(), await timeOfWaterfall()]
  expect(Math.min(...times)).toBeLessThan(1_000)
})

const pages = () => ({
  overview: ['/', /gateway[^]*PostgreSQL: feed/],
  trace: [`/traces/${lastTrace}`, /feed-posts applied/],
  requests: ['/requests', /POST \/api\/auth\/register/],
  events: ['/events', /auth.user-registered.v1/],
  event: ['/events/1', /Where it is[^]*feed-/],
  consumers: ['/consumers', /posts-users/],
  'dead-letters': ['/dead-letters', /Dead letters/],
  mail: ['/mail', /Confirm your e-mail address/],
  sessions: ['/sessions', /Ada/]
} as const)

test.runIf(chromium)('every page is accessible, light and dark, without a complaint of the browser', async () => {
  const faults: string[] = []
  for (const [name, [path, pattern]] of Object.entries(pages())) {
    await stage.page.goto(stage.origin + path)
    await stage.seen(pattern)
    faults.push(...await inspect(stage.page, name))
  }
  expect(faults).toEqual([])
  expect(stage.page.complaints).toEqual([])
}, 60_000)

test.runIf(chromium)('a session ended here is 401 at the gateway within a second', async () => {
  const bob = await stage.register('Bob')
  await stage.page.goto(`${stage.origin}/sessions`)
  await stage.seen(/Bob/)
  await stage.fill('input[type=email]', admin.email)
  await stage.fill('input[type=password]', PASSWORD)
  await stage.click('Log in')
  await stage.seen(/in the name of root@example.com/)
  expect((await stage.call('GET', '/api/posts', { token: bob.accessToken })).status).toBe(200)
  await stage.page.evaluate(`
    [...document.querySelectorAll('tr')].find((row) => row.innerText.includes('Bob')).querySelector('button').click()
  `)
  await stage.click('End it')
  await eventually(async () =>
    expect((await stage.call('GET', '/api/posts', { token: bob.accessToken })).status).toBe(401), { withinMs: 1_000 })
  await stage.seen(/ended \(ended\)/)
})

test.runIf(chromium)('a poison event is one group, and two clicks replay it once its handler is healed', async () => {
  await stage.page.goto(`${stage.origin}/dead-letters`)
  await stage.seen(/feed-posts: 2 letters[^]*poison/, 25_000)
  await feed.query('ALTER TABLE entries DROP CONSTRAINT poison')
  await stage.click('Replay all 2')
  await stage.click('Replay')
  await stage.seen(/2 of 2 letters done[^]*every event was applied/)
  const { rows } = await feed.query('SELECT id FROM entries WHERE id = ANY ($1)', [poisoned])
  expect(rows).toHaveLength(2)
  expect(stage.page.complaints).toEqual([])
})

test('what another site posts with the cookie changes nothing', async () => {
  const headers = { cookie: stage.cookie, origin: 'http://evil.example', 'content-type': 'application/json' }
  const { status } = await ask(`${stage.origin}/api/processes/feed/restart`, { method: 'POST', headers, body: '{}' })
  expect(status).toBe(403)
  expect(stage.system.output.get('feed')).not.toMatch(/draining/)
})

test('a process is restarted from here, and goes on', async () => {
  const { origin, cookie } = stage
  const { status } = await ask(`${origin}/api/processes/feed/restart`, { method: 'POST', headers: { cookie, origin } })
  expect(status).toBe(204)
  expect(stage.system.output.get('feed')).toMatch(/draining/)
  await eventually(async () =>
    expect((await stage.call('GET', '/api/feed', { token: ada.accessToken })).status).toBe(200))
})

test.runIf(chromium)('of an event that waits the trace says for what, and shows the effect however late', async () => {
  const { traceId, traceparent } = newTrace()
  stage.system.signal('feed', 'SIGSTOP')
  try {
    await stage.write(ada, 'Late', traceparent)
    await stage.page.goto(`${stage.origin}/traces/${traceId}`)
    await stage.seen(/feed-posts waits for/)
  } finally {
    stage.system.signal('feed', 'SIGCONT')
  }
  await stage.seen(/feed process posts.post-created.v1[^]*feed-posts applied/)
})

test.runIf(chromium)('a client that a limit refuses is listed, with the limit', async () => {
  for (let attempt = 0; attempt < 12; attempt++) await stage.call('POST', '/api/auth/login', { body: {} })
  await stage.page.goto(`${stage.origin}/sessions`)
  await stage.seen(/127\.0\.0\.1\s+sensitive\s+\d/)
})

test.runIf(chromium)('a flood is sampled, and the page says so', async () => {
  await stage.page.goto(`${stage.origin}/requests`)
  await stage.seen(/traced requests/)
  const seen = new AbortController()
  const flood = async () => {
    while (!seen.signal.aborted) await Promise.all(Array.from({ length: 30 }, () => stage.call('GET', '/api/feed')))
  }
  const looking = stage.seen(/Sampled: the gateway answers [\d,]+ a second/).finally(() => seen.abort())
  await Promise.all([flood(), looking])
})

test('the console’s role reads what pages show, and no secret; its account publishes no event', async () => {
  const role = await connected(stage.system.consoleDatabaseUrls.auth!)
  await role.query('SET default_transaction_read_only = off')
  expect((await role.query('SELECT email FROM users')).rowCount).toBeGreaterThan(0)
  const statements = [
    'SELECT password_hash FROM users',
    'SELECT * FROM users',
    'SELECT counter FROM sessions',
    'SELECT * FROM signing_keys',
    'UPDATE sessions SET ended_at = now()'
  ]
  const refusals: unknown[] = []
  for (const text of statements) refusals.push(await role.query(text).catch((error: Error) => error.message))
  await role.end()
  expect(refusals).toEqual(statements.map(() => expect.stringContaining('permission denied')))
  const operator = await connectOperator(stage.system.brokerUrl('console'))
  try {
    const event = JSON.stringify({ id: 'x' })
    await expect(operator.js.publish('events.posts.post-created.v1', event, { timeout: 500 })).rejects.toThrow()
    await expect(operator.jsm.streams.deleteMessage('EVENTS', 1)).rejects.toThrow()
    await expect(operator.jsm.streams.purge('EVENTS')).rejects.toThrow()
    await expect(operator.jsm.consumers.delete('EVENTS', 'feed-posts')).rejects.toThrow()
    expect((await operator.jsm.streams.info('EVENTS')).state.first_seq).toBe(1)
  } finally {
    await operator.close()
  }
})

test('of every check of every process the overview knows what to do', async () => {
  const { ports } = stage.system
  const checks = await Promise.all(declarations.map(async ({ name }) =>
    Object.keys(JSON.parse((await ask(`http://127.0.0.1:${ports[name]}/ready`)).text).checks)
  ))
  const advice = await readAdvice()
  expect(checks.flat().filter((name) => advice[name]?.todo === undefined)).toEqual([])
})

test('no secret is in the console’s log', () => {
  const log = stage.system.output.get('console') ?? ''
  expect(log).toContain('/api/dead-letters')
  for (const secret of [PASSWORD, new URL(stage.system.consoleLink!).searchParams.get('token')!, ada.accessToken]) {
    expect(log).not.toContain(secret)
  }
})
