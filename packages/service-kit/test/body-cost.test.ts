import { largestBody } from '@gatepost/contracts/body-size'
import { operations } from '@gatepost/contracts/operations'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { routeOf } from '../src/route.ts'
import { type App, createServer } from '../src/server.ts'

const MIB = 2 ** 20
const ID = '01900000-0000-7000-8000-000000000001'
const withBody = operations.filter(({ body }) => body !== undefined)

/** Pieces between brackets, as many as fit in. */
function list (bytes: number, open: string, close: string, piece: (i: number) => string) {
  const pieces: string[] = []
  for (let left = bytes - open.length - close.length, i = 0; ; i++) {
    const next = piece(i)
    if ((left -= next.length + 1) < 0) return `${open}${pieces.join(',')}${close}`
    pieces.push(next)
  }
}

const hostile: Record<string, (bytes: number) => string> = {
  'tiny members': (bytes) => list(bytes, '{', '}', (i) => `"${i.toString(36)}":0`),
  'tiny elements': (bytes) => list(bytes, '[', ']', () => '0'),
  'empty objects': (bytes) => list(bytes, '{"title":[', ']}', () => '{}'),
  'nested arrays': (bytes) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2),
  'nested objects': (bytes) => `${'{"a":'.repeat(bytes / 6 - 1)}0${'}'.repeat(bytes / 6 - 1)}`,
  commas: (bytes) => ','.repeat(bytes),
  'a long number': (bytes) => `{"title":${'1'.repeat(bytes - 10)}}`,
  'long numbers': (bytes) => list(bytes, '{', '}', (i) => `"${i}":0.${'9'.repeat(400)}e300`),
  'long keys that are there twice': (bytes) => list(bytes, '{', '}', (i) => `"${'k'.repeat(900)}${i % 700}":0`),
  'keys of escapes': (bytes) => list(bytes, '{', '}', (i) => `"${'\\u0041'.repeat(200)}${i}":0`),
  'strings of escapes': (bytes) => `{"title":"${'\\"'.repeat(bytes / 2 - 10)}"}`,
  backslashes: (bytes) => `{"title":"${'\\\\'.repeat(bytes / 2 - 10)}"}`,
  quotes: (bytes) => '"'.repeat(bytes),
  'a string without an end': (bytes) => `"${'\\"'.repeat(bytes / 2 - 1)}`,
  'an address without an end': (bytes) => `{"email":"${'a.'.repeat(bytes / 4)}@${'a.'.repeat(bytes / 4 - 20)}"}`,
  'chains of arrays': (bytes) => list(bytes, '[', ']', () => '[[[[[[[[0]]]]]]]]'),
  whitespace: (bytes) => `${' '.repeat(bytes - 2)}[]`,
  'tiny fields of a form': (bytes) => list(bytes, '', '', (i) => i.toString(36)).replaceAll(',', '&'),
  'signs between fields': (bytes) => '&='.repeat(bytes / 2),
  'escapes of a form': (bytes) => `token=${'%41'.repeat(bytes / 3 - 4)}`
}

let app: App
beforeAll(async () => {
  app = createServer({ log: pino({ level: 'silent' }) })
  for (const operation of withBody) {
    app
      .route({
        ...routeOf(operation),
        handler: async (_request: unknown, reply: { code(status: number): { send(): unknown } }) =>
          reply.code(204).send()
      } as never)
  }
  await app.ready()
})
afterAll(async () => {
  await app.close()
})

/** The least of some measurements, which other work of the machine disturbs least. */
async function cpuMs (times: number, work: () => unknown) {
  let least = Infinity
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

const send = (operation: typeof withBody[number], payload: string) =>
  app.inject({
    method: operation.method as 'POST',
    url: operation.url.replace(':id', ID),
    headers: { 'content-type': operation.bodyType },
    payload
  })

/** JSON.parse of 100 KB of ordinary members takes a quarter of a millisecond here; 10 ms would be forty of them. */
const MAX_RATIO = 20
const UNIT_BYTES = 100_000

test.each(Object.keys(hostile))(
  'a body of %s costs no more of the loop per 100 KB than parsing twenty ordinary ones, at any operation',
  { timeout: 60_000 },
  async (kind) => {
    const ordinary = JSON
      .stringify(Array.from({ length: UNIT_BYTES / 50 }, (_, i) => ({ id: i, name: `name number ${i}`, ok: true })))
    const unit = await cpuMs(20, () => JSON.parse(ordinary)) * UNIT_BYTES / ordinary.length
    const costly = []
    for (const operation of withBody) {
      const payload = hostile[kind]!(Math.min(largestBody(operation.body!), MIB))
      const { statusCode } = await send(operation, payload) // compiles what is compiled once, too
      const units = Math.max(1, payload.length / UNIT_BYTES)
      const ratioOf = async (times: number) => await cpuMs(times, () => send(operation, payload)) / unit / units
      let ratio = await ratioOf(3)
      if (ratio > MAX_RATIO) ratio = await ratioOf(20) // three in a row may all be disturbed
      if (ratio > MAX_RATIO || statusCode !== 400) costly.push([operation.id, statusCode, ratio])
    }
    expect(costly).toEqual([])
  }
)

test('a body is 413 beyond what its operation can have, and 400 for more members than any has', async () => {
  const [login] = withBody.filter(({ id }) => id === 'login')
  const tooLarge = await send(login!, JSON.stringify({ email: 'ada@example.org', password: 'x'.repeat(40_000) }))
  expect([tooLarge.statusCode, tooLarge.json().code]).toEqual([413, 'BODY_TOO_LARGE'])
  const tooMany = await send(login!, JSON.stringify(Array.from({ length: 1001 }, () => 0)))
  expect([tooMany.statusCode, tooMany.json().errors]).toEqual([400, [{
    path: '/body',
    message: 'has more than 1000 members and elements'
  }]])
  const unknown = await send(
    login!,
    JSON.stringify(Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`m${i}`, 0])))
  )
  expect([unknown.statusCode, unknown.json().errors.length]).toEqual([400, 20])
})

test('an operation without a body has none to read, however large it says that it is', async () => {
  const bare = createServer({ log: pino({ level: 'silent' }) })
  const remove = operations.find(({ id }) => id === 'deletePost')!
  bare
    .route({
      ...routeOf(remove),
      handler: async (_request: unknown, reply: { code(status: number): { send(): unknown } }) => reply.code(204).send()
    } as never)
  const answers = await Promise
    .all([undefined, '{}', 'x'.repeat(MIB - 1), 'x'.repeat(MIB + 1)].map((payload) =>
      bare.inject({
        method: 'DELETE',
        url: `/api/posts/${ID}`,
        headers: { 'content-type': 'application/json' },
        payload
      })
    ))
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([204, 400, 400, 413])
  expect(answers[1]!.json().errors).toEqual([{ path: '/body', message: 'is not known here' }])
  await bare.close()
})
