import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tidy } from '../src/maintenance.ts'
import { type AuthServer, startAuth } from './support/auth-server.ts'
import { mailsDone } from './support/mailbox.ts'

/** More rows than one statement deletes. */
const OLD = 2_300
let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

test('maintenance deletes all rows that nothing reads any more, however many, and nothing else', async () => {
  const { user } = await auth.register()
  await mailsDone(auth)
  const tables = {
    sessions: `(id, user_id, created_at, last_used_at, expires_at, absolute_expiry, access_expires_at, ended_at)
      SELECT gen_random_uuid(), '${user.id}', at, at, at, at, at, CASE WHEN i % 2 = 0 THEN at END`,
    login_attempts:
      '(key, failures, updated_at, locked_until) SELECT int4send(i), 1, at, CASE WHEN i % 2 = 0 THEN at END',
    email_tokens: `(id, purpose, token_hash, created_at, expires_at)
      SELECT gen_random_uuid(), 'reset-password', int4send(i), at, at`,
    api_keys: `(id, user_id, name, scopes, mac, created_at, expires_at, access_expires_at)
      SELECT gen_random_uuid(), '${user.id}', 'A program', '{}', int4send(i), at, at, at`,
    pending_registrations: `(id, email, email_key, display_name, password_hash, created_at, expires_at)
      SELECT gen_random_uuid(), i || '@example.test', i || '@example.test', 'Somebody', '', at, at`,
    sent_mails: "(id, address, kind, sent_at) SELECT gen_random_uuid(), int4send(i), 'reset-password', at",
    jobs: "(id, kind, payload, run_at, failed_at) SELECT gen_random_uuid(), 'verify-email', '{}', at, at"
  }
  const count = async () => {
    const counts: Record<string, number> = {}
    for (const table of Object.keys(tables)) {
      const which = table === 'jobs' ? 'failed_at IS NOT NULL' : 'true'
      counts[table] = (await auth.sql(`SELECT count(*)::int AS count FROM ${table} WHERE ${which}`))[0].count
    }
    return counts
  }
  const insert = async (days: number, rows: number, offset: number) => {
    for (const [table, columns] of Object.entries(tables)) {
      await auth.sql(`INSERT INTO ${table} ${columns} FROM generate_series(${offset + 1}, ${offset + rows}) i,
        (SELECT now() - interval '${days} days' AS at) AS time`)
    }
  }
  await insert(0, 3, 0)
  const kept = await count()
  await insert(60, OLD, 1_000)
  await auth.sql(
    `INSERT INTO login_attempts (key, failures, updated_at, locked_until)
    VALUES ($1, 1, now() - interval '60 days', now() + interval '1 hour')`,
    Buffer.from(uuidv7())
  )
  await auth.sql(
    `INSERT INTO email_changes (id, user_id, email, created_at, expires_at)
    SELECT gen_random_uuid(), $1, 'new@example.test', at, at FROM (SELECT now() - interval '60 days' AS at) AS time`,
    user.id
  )
  await tidy(auth.store)
  expect(await auth.sql('SELECT email FROM email_changes')).toEqual([])
  expect(await count()).toEqual({ ...kept, login_attempts: kept.login_attempts! + 1 })
})
