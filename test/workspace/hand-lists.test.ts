import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { declarations } from '@gatepost/contracts/declarations'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** What `pnpm generate` writes, and this file. */
const EXEMPT = /contracts\/src\/(services|service-name|scope)\.ts$|hand-lists\.test\.ts$/

const name = `(?:${declarations.map(({ name }) => name).join('|')})`
const prefix = `(?:${declarations.map(({ prefix }) => prefix).join('|')})`
/** Names of services, one after another, with nothing but the marks of a list between them. */
const NAMES = new RegExp(`(['"]?\\b${name}\\b['"]?[\\s,|]+){2}['"]?${name}\\b`)
/** The same variable of three services, within three lines. */
const rest = '[^\\n]*\\n?[^\\n]*?'
const VARIABLES = new RegExp(
  `\\b(${prefix})(_[A-Z_]+)\\b${rest}\\b(?!\\1)(${prefix})\\2\\b${rest}\\b(?!\\1|\\3)${prefix}\\2\\b`
)

function listsIn (text: string) {
  const code = text.replaceAll(/\/\*[^]*?\*\/|(^|\s)\/\/.*|(^|\s)# .*/g, ' ')
  return [NAMES, VARIABLES].flatMap((pattern) => pattern.exec(code)?.[0].trim() ?? [])
}

test.each([
  "for (const service of ['auth', 'posts', 'feed']) start(service)",
  "type Service = 'auth' | 'feed' | 'gateway'",
  'node scripts/generate-client.ts auth posts feed',
  'AUTH_URL: url,\n  POSTS_URL: url,\n  FEED_URL: url'
])('%j is found', (text) => {
  expect(listsIn(text)).toHaveLength(1)
})

test('no code lists the services by hand', () => {
  const files = globSync('{packages,services,scripts,test,bench,deploy,prisma,examples}/**/*.{ts,mjs,sh}', {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'generated'
  }).filter((file) => !EXEMPT.test(file))
  expect(files.length).toBeGreaterThan(300)
  const found = files.flatMap((file) => listsIn(readFileSync(root + file, 'utf8')).map((list) => `${file}: ${list}`))
  expect(found).toEqual([])
})
