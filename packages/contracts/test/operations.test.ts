import { expect, test } from 'vitest'
import { formPages } from '../src/gateway/page-operations.ts'
import { openApi, problemCodesOf } from '../src/openapi.ts'
import { operations } from '../src/operations.ts'
import { problems } from '../src/problems.ts'
import { SCOPES } from '../src/scope.ts'

test('ids and method + url name one operation each', () => {
  const unique = (values: string[]) => new Set(values).size
  expect(unique(operations.map(({ id }) => id))).toBe(operations.length)
  expect(unique(operations.map(({ method, url }) => `${method} ${url.replace(/:\w+/g, ':')}`))).toBe(operations.length)
})

test('every operation of /api has a limit, and a policy that needs a token unless it is one of the open ones', () => {
  const open = operations.filter(({ url, auth }) => url.startsWith('/api') && auth !== 'user' && auth !== 'admin').map((
    { id }
  ) => id)
  expect(open.sort()).toEqual([
    'confirmEmailChange',
    'forgotPassword',
    'login',
    'logout',
    'refreshToken',
    'register',
    'resendVerification',
    'resetPassword',
    'validateToken',
    'verifyEmail'
  ])
  const limited = (url: string) => url.startsWith('/api') || formPages.some(({ show }) => show.url === url)
  for (const { url, limit } of operations) expect(limit !== 'none', url).toBe(limited(url))
})

test('bodies, queries and parameters refuse unknown members, but for the queries of pages that mails lead to', () => {
  const pages = new Set(formPages.map(({ show }) => show.id))
  for (const { id, body, query, params } of operations) {
    for (const schema of [body, params]) if (schema) expect(schema.additionalProperties).toBe(false)
    expect(query.additionalProperties, id).toBe(pages.has(id) ? undefined : false)
  }
})

test('scopes and protected operations agree; no key manages keys, passwords or sessions', () => {
  const protectedOnes = operations.filter(({ auth }) => auth !== 'none')
  expect(new Set(protectedOnes.flatMap(({ scope }) => scope ?? []))).toEqual(new Set(SCOPES))
  expect(protectedOnes.filter(({ scope }) => scope === null).map(({ id }) => id).sort()).toEqual([
    'changeEmail',
    'changePassword',
    'createApiKey',
    'deleteAccount',
    'deleteApiKey',
    'endSession',
    'endUserSession',
    'endUserSessions',
    'exportMe',
    'forceReset',
    'listApiKeys',
    'listSessions',
    'logout'
  ])
})

test('every parameter of a url has a schema', () => {
  for (const { url, params } of operations) {
    expect(Object.keys(params.properties).sort()).toEqual([...url.matchAll(/:(\w+)/g)].map((match) => match[1]).sort())
  }
})

test('problem codes begin with their owner, and have a client or server error status', () => {
  for (const [code, { status, detail }] of Object.entries(problems)) {
    expect(code).toMatch(/^[A-Z][A-Z_]+[A-Z]$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(detail).toMatch(/\.$/)
  }
})

test('OpenAPI names every operation, every status that it can answer, and no dangling reference', () => {
  const document = openApi('http://127.0.0.1:3000')
  const text = JSON.stringify(document)
  const paths = document.paths as Record<string, Record<string, { responses: object }>>
  for (const operation of operations) {
    const described = paths[operation.url.replace(/:(\w+)/g, '{$1}')]![operation.method.toLowerCase()]!
    const statuses = [
      ...Object.keys(operation.responses),
      ...problemCodesOf(operation).map((code) => String(problems[code].status))
    ]
    expect(Object.keys(described.responses)).toEqual(expect.arrayContaining(statuses))
  }
  const { schemas } = document.components as { schemas: object }
  for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) expect(schemas).toHaveProperty(name!)
})
