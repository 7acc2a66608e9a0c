import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseOwners } from '@gatepost/contracts/declarations'
import { startSystem, type System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, register } from './client.ts'

const TEXT = 'Wilhelmina Vanishing'
const KEPT = 'Bob Staying'

let system: System
beforeAll(async () => { system = await startSystem({ env: { RATE_LIMIT_MAX: '100000' } }) }, 60_000)
afterAll(async () => { await system?.stop() })

/**
 * Where a text stands: files of the broker, and tables with a row of it. PostgreSQL's dead tuples and WAL are not
 * looked at.
 */
async function placesOf (text: string) {
  const places: string[] = []
  const store = join(system.dataDir, 'nats/store')
  for (const file of await readdir(store, { recursive: true, withFileTypes: true })) {
    const bytes = file.isFile() ? await readFile(join(file.parentPath, file.name)).catch(() => undefined) : undefined
    if (bytes?.includes(text)) places.push(`nats ${file.name}`)
  }
  for (const { name: service } of databaseOwners) {
    const database = new pg.Pool({ connectionString: system.databaseUrl(service), max: 1, statement_timeout: 5_000 })
    try {
      const { rows } = await database.query<
        { name: string }
      >(
        "SELECT format('public.%I', relname) AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND " +
        "relkind = 'r' AND has_table_privilege(oid, 'SELECT')"
      )
      for (const { name } of rows) {
        const { rowCount } = await database.query(
          `SELECT FROM ${name} AS each WHERE each::text LIKE '%' || $1 || '%' LIMIT 1`,
          [text]
        )
        if (rowCount) places.push(`${service} ${name}`)
      }
    } finally {
      await database.end()
    }
  }
  return places
}

/** What a fresh reader of `GET /api/events` is given from the beginning, as one text. */
async function replayed (token: string, until: string) {
  const answer = await fetch(`${system.gatewayUrl}/api/events`, {
    headers: { authorization: `Bearer ${token}`, 'last-event-id': '0' },
    signal: AbortSignal.timeout(10_000)
  })
  let text = ''
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes(until)) return text
  }
  return text
}

test('what somebody wrote and was called is nowhere any more ten seconds after the account is deleted', {
  timeout: 60_000
}, async () => {
  const leaver = await register(system.gatewayUrl, TEXT)
  const reader = await register(system.gatewayUrl, KEPT)
  const write = async (token: string, content: string) =>
    (await call(system.gatewayUrl, 'POST', '/api/posts', { token, body: { title: 'Hello', content } })).body
      .id as string
  const deleted = await write(leaver.accessToken, `${TEXT} was here`)
  await write(leaver.accessToken, `${TEXT} wrote again`)
  await call(system.gatewayUrl, 'PATCH', `/api/posts/${deleted}`, {
    token: leaver.accessToken,
    body: { content: `${TEXT} changed it` }
  })
  await write(reader.accessToken, KEPT)
  await eventually(async () =>
    expect(await placesOf(TEXT))
      .toEqual(expect.arrayContaining([
        'auth public.users',
        'auth public.outbox',
        'posts public.posts',
        'posts public.outbox',
        'feed public.authors',
        'feed public.entries'
      ]))
  )
  await call(system.gatewayUrl, 'DELETE', `/api/posts/${deleted}`, { token: leaver.accessToken })
  expect((await call(system.gatewayUrl, 'POST', '/api/auth/delete-account', {
    token: leaver.accessToken,
    body: { password: leaver.password }
  })).status).toBe(204)
  await eventually(async () => expect(await placesOf(TEXT)).toEqual([]), { withinMs: 10_000 })
  const text = await replayed(reader.accessToken, KEPT)
  expect(text).not.toContain(TEXT)
  expect(text).toContain('posts.post-deleted.v1')
  expect((await placesOf(KEPT)).length).toBeGreaterThan(3)
})
