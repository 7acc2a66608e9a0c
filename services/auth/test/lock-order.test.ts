import { authOperations } from '@gatepost/contracts/auth/operations'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Arena, createArenas } from './support/arena.ts'
import { type Answer, type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

type Act = (arena: Arena, index: number) => { body?: object, token?: string, path?: string }

const at = <Item>(items: readonly Item[], index: number) => items[index % items.length]!
const own = ({ user }: Arena, index: number) => at(user.sessions, index).accessToken

/** One call of each operation that changes something; the index picks its victim. */
const acts: Record<string, Act> = {
  register: ({ user, pendingEmail }, index) => ({
    body: { email: at([pendingEmail, user.email], index), password: PASSWORD, displayName: 'Somebody' }
  }),
  login: ({ user }) => ({ body: { email: user.email, password: PASSWORD } }),
  refreshToken: ({ user }, index) => ({ body: { refreshToken: at(user.sessions, index).firstRefreshToken } }),
  logout: (arena, index) => ({ token: own(arena, index), path: `?scope=${at(['all', 'others', 'local'], index)}` }),
  updateMe: (arena, index) => ({ token: own(arena, index), body: { displayName: `Name ${index}` } }),
  deleteAccount: (arena, index) => ({ token: own(arena, index), body: { password: PASSWORD } }),
  changePassword: (arena, index) => ({
    token: own(arena, index),
    body: { currentPassword: PASSWORD, newPassword: `another tram of line ${index}` }
  }),
  endSession: (arena, index) => ({ token: own(arena, index), path: `/${at(arena.user.sessions, index + 1).id}` }),
  createUser: ({ user, pendingEmail, admins: [one] }, index) => ({
    token: one.sessions[0]!.accessToken,
    body: { email: at([pendingEmail, user.email], index), displayName: 'Invited' }
  }),
  deleteUser: ({ user, admins: [one, other] }, index) => ({
    token: other.sessions[2]!.accessToken,
    path: `/${at([user, one], index).id}`
  }),
  endUserSessions: ({ user, admins: [one, other] }, index) => ({
    token: other.sessions[3]!.accessToken,
    path: `/${at([user, one], index).id}/end-sessions`
  }),
  endUserSession: ({ user, admins: [one, other] }, index) => ({
    token: other.sessions[3]!.accessToken,
    path: `/${at([user, one], index).id}/sessions/${at([user, one], index).sessions.at(-1)!.id}`
  }),
  forceReset: ({ user, admins: [one, other] }, index) => ({
    token: one.sessions[4]!.accessToken,
    path: `/${at([user, other], index).id}/force-reset`
  }),
  createApiKey: (arena, index) => ({ token: own(arena, index), body: { name: `Key ${index}` } }),
  deleteApiKey: (arena, index) => ({ token: own(arena, index), path: `/${at(arena.user.apiKeys, index)}` }),
  verifyEmail: ({ verifyToken, pendingTokens }, index) => ({
    body: { token: at([verifyToken, ...pendingTokens], index), password: PASSWORD }
  }),
  changeEmail: (arena, index) => ({
    token: own(arena, index),
    body: { email: at([arena.pendingEmail, arena.admins[1].email], index), password: PASSWORD }
  }),
  confirmEmailChange: ({ changeTokens }, index) => ({ body: { token: at(changeTokens, index) } }),
  resendVerification: ({ user, pendingEmail }, index) => ({ body: { email: at([user.email, pendingEmail], index) } }),
  forgotPassword: ({ user }) => ({ body: { email: user.email } }),
  resetPassword: ({ resetTokens }, index) => ({
    body: { token: at(resetTokens, index), newPassword: `a third tram of line ${index}` }
  }),
  manageUser: ({ user, admins: [one, other] }, index) =>
    at([
      { token: one.sessions[0]!.accessToken, path: `/${other.id}`, body: { role: 'user' } },
      { token: other.sessions[0]!.accessToken, path: `/${one.id}`, body: { disabled: true } },
      { token: one.sessions[1]!.accessToken, path: `/${user.id}`, body: { role: 'admin' } },
      { token: other.sessions[1]!.accessToken, path: `/${user.id}`, body: { disabled: true } }
    ], index)
}

const READ_ONLY = ['validateToken', 'introspectToken']
const mutating = authOperations.filter(({ method, id }) => method !== 'GET' && !READ_ONLY.includes(id))
/** In threes, so that each operation meets each other one and itself in a third as many rounds as pairs. */
const rounds = roundsOf(mutating.map(({ id }) => id))

function roundsOf (ids: string[]) {
  const met = new Set<string>()
  const newPairs = (round: string[]) =>
    round.flatMap((one) => round.map((other) => [one, other].sort().join())).filter((pair) => !met.has(pair))
  const found: string[][] = []
  for (const one of ids) {
    for (const other of ids) {
      if (met.has([one, other].sort().join())) continue
      const round = ids.map((third) => [one, other, third]).reduce((best, next) =>
        new Set(newPairs(next)).size > new Set(newPairs(best)).size ? next : best
      )
      for (const pair of newPairs(round)) met.add(pair)
      found.push(round)
    }
  }
  return found
}

const AT_ONCE = 21

let database: TestDatabase
let auth: AuthServer
let arenas: Awaited<ReturnType<typeof createArenas>>
beforeAll(async () => {
  database = await createDatabase('auth')
  // No call waits for a connection, so that all calls meet at the locks.
  auth = await startAuth({ AUTH_DATABASE_POOL: String(AT_ONCE + 5) }, database)
  arenas = await createArenas(auth)
})
afterAll(() => database.drop())

async function deadlocks () {
  const client = new pg.Client({ connectionString: database.adminUrl })
  await client.connect()
  const { rows } = await client.query('SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()')
  await client.end()
  return rows[0].deadlocks
}

function call (arena: Arena, id: string, index: number): Promise<Answer> {
  const { method, url } = authOperations.find((operation) => operation.id === id)!
  const { path = '', body, token } = acts[id]!(arena, index)
  return auth.call(method, url.replace(/\/:id.*/, '') + path, { body, token, from: arena.from })
}

test('the test has an act for every operation that changes something', () => {
  expect(Object.keys(acts).sort()).toEqual(mutating.map(({ id }) => id).sort())
})

async function expectConsistent ({ user, admins, pendingEmail }: Arena) {
  const people = [user.id, ...admins.map(({ id }) => id)]
  const unequal = await auth.sql(
    `SELECT s.id, s.ended_at, count(o.id)::int AS events FROM sessions s LEFT JOIN outbox o ON o.aggregate_id = s.id
    WHERE s.user_id = ANY($1) GROUP BY s.id HAVING count(o.id) <> (s.ended_at IS NOT NULL)::int`,
    people
  )
  expect(unequal, 'an ended session has one event, a live one none').toEqual([])
  const left = await auth.sql(`SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE u.id = ANY($1) AND s.ended_at IS NULL AND (u.deleted_at IS NOT NULL OR u.disabled_at IS NOT NULL)`, people)
  expect(left, 'nobody who is gone or disabled has a session').toEqual([])
  const keys = await auth.sql(`SELECT k.id FROM api_keys k JOIN users u ON u.id = k.user_id
    WHERE u.id = ANY($1) AND (u.deleted_at IS NOT NULL OR u.disabled_at IS NOT NULL)`, people)
  expect(keys, 'nobody who is gone or disabled has a key').toEqual([])
  const [gone] = await auth.sql(`SELECT count(*)::int AS links FROM email_tokens t JOIN users u ON u.id = t.user_id
    WHERE u.id = ANY($1) AND u.deleted_at IS NOT NULL`, people)
  expect(gone.links, 'nobody who is gone has a link').toBe(0)
  const versions = await auth.sql(
    `SELECT u.id FROM users u LEFT JOIN outbox o ON o.aggregate_id = u.id WHERE u.id = ANY($1)
    GROUP BY u.id HAVING count(o.id) <> u.version - 1`,
    people
  )
  expect(versions, 'each version of a user has its event').toEqual([])
  const able = await auth.sql(
    "SELECT id FROM users WHERE id = ANY($1) AND role = 'admin' AND disabled_at IS NULL AND deleted_at IS NULL",
    people
  )
  expect(able.length, 'an administrator is left').toBeGreaterThan(0)
  const owners = await auth.sql('SELECT id FROM users WHERE email_key = $1', pendingEmail)
  const waiting = await auth.sql('SELECT id FROM pending_registrations WHERE email_key = $1', pendingEmail)
  expect(owners.length, 'an address has one owner at most').toBeLessThanOrEqual(1)
  return { registered: owners.length, waiting: waiting.length }
}

test(
  'every pair of mutating operations meets, twenty calls at once, without a deadlock and ends in a right state',
  async () => {
    for (const round of rounds) {
      // Administrators of earlier arenas would hide the rule about the last administrator.
      await auth.sql("UPDATE users SET role = 'user' WHERE role = 'admin'")
      const arena = await arenas.make()
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, async (_, index) => {
        const id = round[index % 3]!
        return { id, ...await call(arena, id, Math.floor(index / 3)) }
      }))
      const faults = answers.filter(({ status }) => status >= 500).map(({ id, status, body }) =>
        `${id} ${status} ${body?.code}`
      )
      expect(faults, round.join(' beside ')).toEqual([])
      const { registered } = await expectConsistent(arena)
      if (round.includes('verifyEmail') || round.includes('register')) expect(registered, round.join()).toBe(1)
    }
  },
  120_000
)

test('no deadlock was counted', async () => {
  // Backends report their counts when they end, at the latest.
  arenas.close()
  await auth.close()
  expect(await deadlocks()).toBe(0)
})
