import type { Ground } from '../lab/ground.ts'
import { execute } from '../pages/rows.ts'
import { startServices } from '../pages/services.ts'
import { createCaller } from './caller.ts'
import { createSeries, powersOfTen, timeCalls } from './series.ts'

const CALLS = 200
/** Calls that hash a password take long by intention, and are much alike. */
const SLOW_CALLS = 15
const PASSWORD = 'correct horse battery staple'

const id = (kind: number) => `('0190000${kind}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid`
const emailOf = (n: number) => `user-${n}@example.org`

interface Account {
  user: { id: string }
  accessToken: string
  refreshToken: string
}

async function startAuth (ground: Ground) {
  const { urls, ownerUrl } = await startServices(ground, ['auth'])
  const caller = createCaller()
  const first: Account = await caller.post(`${urls.auth}/api/auth/register`, {
    email: 'first@example.org',
    password: PASSWORD,
    displayName: 'First'
  })
  const run = (...statements: string[]) => execute(ownerUrl('auth'), ...statements)
  return {
    api: `${urls.auth}/api/auth`,
    caller,
    first,
    run,
    /** Users up to so many, all with the password of the first. */
    async addUsers (from: number, to: number) {
      await run(`INSERT INTO users (id, email, email_key, display_name, password_hash)
        SELECT ${id(1)}, e, e, 'User ' || i, (SELECT password_hash FROM users WHERE email_key = 'first@example.org')
        FROM (SELECT i, 'user-' || i || '@example.org' AS e FROM generate_series(${from + 1}, ${to}) i) made`,
      'VACUUM ANALYZE users'
      )
    }
  }
}

/** Accounts over ever more users. */
export async function measureAccounts (ground: Ground, most: number) {
  const { api, caller, first, addUsers } = await startAuth(ground)
  const users = createSeries('users', 'ms')
  let filled = 0
  for (const size of powersOfTen(most)) {
    await addUsers(filled, size)
    filled = size
    const anyUser = (n: number) => `01900001-0000-7000-8000-${(1 + n * 7919 % size).toString(16).padStart(12, '0')}`
    users.sizes.push(size)
    users.add(
      'register',
      await timeCalls(SLOW_CALLS, (n) =>
        caller.post(`${api}/register`, {
          email: `new-${size}-${n}@example.org`,
          password: PASSWORD,
          displayName: 'New'
        }))
    )
    users.add(
      'login',
      await timeCalls(SLOW_CALLS, (n) =>
        caller.post(`${api}/login`, { email: emailOf(1 + n * 7919 % size), password: PASSWORD }))
    )
    for (
      const [name, path] of [['own account', () => 'me'], ['a profile', (n: number) =>
        `users/${anyUser(n)}`]] as const
    ) {
      await timeCalls(CALLS, (n) => caller.get(`${api}/${path(n)}`, first.accessToken))
      users.add(name, await timeCalls(CALLS, (n) => caller.get(`${api}/${path(n)}`, first.accessToken)))
    }
  }
  return [users]
}

/** Sessions over ever more of them: first live ones, then as many that have ended. */
export async function measureSessions (ground: Ground, most: number) {
  const { api, caller, run, addUsers } = await startAuth(ground)
  await addUsers(0, 1_000)
  const logins: Account[] = []
  for (let n = 0; n < 20; n++) {
    logins.push(await caller.post(`${api}/login`, { email: emailOf(1 + n), password: PASSWORD }))
  }

  async function measure (name: string, kind: number, ended: string) {
    const series = createSeries(name, 'ms')
    let filled = 0
    for (const size of powersOfTen(most)) {
      await run(
        `INSERT INTO sessions
          (id, user_id, created_at, last_used_at, expires_at, absolute_expiry, access_expires_at, ended_at, end_reason)
        SELECT ${id(kind)}, ('01900001-0000-7000-8000-' || lpad(to_hex(21 + i % 900), 12, '0'))::uuid, now(), now(),
          now() + interval '30 days', now() + interval '90 days', now() + interval '10 minutes', ${ended}
        FROM generate_series(${filled + 1}, ${size}) i`,
        'VACUUM ANALYZE sessions'
      )
      filled = size
      series.sizes.push(size)
      series.add(
        'login',
        await timeCalls(SLOW_CALLS, (n) => caller.post(`${api}/login`, { email: emailOf(21 + n), password: PASSWORD }))
      )
      async function refresh (n: number) {
        const login = logins[n % logins.length]!
        Object.assign(login, await caller.post(`${api}/refresh-token`, { refreshToken: login.refreshToken }))
      }
      const list = (n: number) => caller.get(`${api}/sessions`, logins[n % logins.length]!.accessToken)
      const account = (n: number) => caller.get(`${api}/me`, logins[n % logins.length]!.accessToken)
      const calls = { refresh, 'list one’s own': list, 'own account': account }
      for (const [name, call] of Object.entries(calls)) {
        await timeCalls(CALLS, call)
        series.add(name, await timeCalls(CALLS, call))
      }
      const toEnd: Account[] = []
      for (let n = 0; n < SLOW_CALLS; n++) {
        toEnd.push(await caller.post(`${api}/login`, { email: emailOf(60 + n), password: PASSWORD }))
      }
      series.add(
        'logout',
        await timeCalls(SLOW_CALLS, (n) => caller.post(`${api}/logout?scope=local`, {}, toEnd[n]!.accessToken))
      )
    }
    return series
  }
  return [await measure('live sessions', 2, 'NULL, NULL'), await measure('ended sessions', 3, "now(), 'logout'")]
}
