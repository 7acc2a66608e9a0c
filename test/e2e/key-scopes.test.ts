import type { Operation } from '@gatepost/contracts/operation'
import { operations } from '@gatepost/contracts/operations'
import { SCOPES } from '@gatepost/contracts/scope'
import { startSystem, type System } from '@gatepost/testing/system'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Account, call, register } from './client.ts'
import { UNLIMITED } from './unlimited-system.ts'
import { type Stage, validCallOf } from './valid-calls.ts'

let system: System
let ada: Account
let stage: Stage
beforeAll(async () => {
  system = await startSystem({ env: UNLIMITED })
  ada = await register(system.gatewayUrl, 'Ada')
  const client = new pg.Client({ connectionString: system.ownerUrl('auth') })
  await client.connect()
  await client.query("UPDATE users SET role = 'admin' WHERE id = $1", [ada.userId])
  await client.end()
  const { body } = await call(system.gatewayUrl, 'POST', '/api/auth/login', {
    body: { email: ada.email, password: ada.password }
  })
  stage = { gatewayUrl: system.gatewayUrl, token: body.accessToken }
}, 60_000)
afterAll(() => system?.stop())

async function keyOf (token: string, scopes: readonly string[]): Promise<string> {
  const { body } = await call(system.gatewayUrl, 'POST', '/api/auth/keys', { token, body: { name: 'Test', scopes } })
  return body.key
}

/** The status and the code of a call; an answer without end is cut off. */
async function outcome ({ method, bodyType }: Operation, path: string, token: string, body?: unknown) {
  const leaving = new AbortController()
  const answer = await fetch(system.gatewayUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...body !== undefined && { 'content-type': bodyType } },
    ...body !== undefined && { body: body instanceof URLSearchParams ? body : JSON.stringify(body) },
    signal: leaving.signal
  })
  const { status } = answer
  const code = status >= 400 ? (await answer.json() as { code: string }).code : undefined
  leaving.abort()
  return { status, code }
}

const protectedOnes = operations.filter(({ auth }) => auth !== 'none')

test('every operation with a key of each scope is 2xx or 403, exactly as the contract says', async () => {
  const keys = await Promise.all(SCOPES.map(async (scope) => [scope, await keyOf(stage.token, [scope])] as const))
  const table: string[] = []
  const expected: string[] = []
  for (const operation of protectedOnes) {
    for (const [scope, key] of keys) {
      const row = `${operation.id} with ${scope}: `
      const allowed = operation.scope === scope
      expected.push(row + (allowed ? '2xx' : operation.scope === null ? '403 FORBIDDEN' : '403 SCOPE_MISSING'))
      const { path, body } = allowed
        ? await validCallOf(operation, stage)
        : { path: operation.url.replace(/:\w+/g, ada.userId), body: operation.body && {} }
      const { status, code } = await outcome(operation, path, key, body)
      table.push(row + (status >= 200 && status < 300 ? '2xx' : `${status} ${code}`))
    }
  }
  expect(table).toEqual(expected)
  expect(table.filter((row) => row.endsWith('2xx')).length).toBeGreaterThan(15)
})

test('a key can do no more than its user: every operation of administrators is 403 with all scopes', async () => {
  const bob = await register(system.gatewayUrl, 'Bob')
  const key = await keyOf(bob.accessToken, SCOPES)
  for (const operation of operations.filter(({ auth }) => auth === 'admin')) {
    const { path, body } = await validCallOf(operation, stage)
    expect([operation.id, await outcome(operation, path, key, body)])
      .toEqual([operation.id, { status: 403, code: 'FORBIDDEN' }])
  }
})
