import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { declarations } from '@gatepost/contracts/declarations'
import { expect, test } from 'vitest'
import { collections } from '../scripts/generate/collections.ts'
import { deployment } from '../scripts/generate/deployment.ts'
import { documents } from '../scripts/generate/documents.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const read = (path: string) => readFile(join(root, path), 'utf8')
const pages = globSync('**/*.md', { cwd: root, exclude: (name) => /^(?:node_modules$|dist$|\.)/.test(name) })

test.each(Object.entries({ ...collections(root), ...documents(), ...deployment(root) }))(
  '%s is what `pnpm generate` writes',
  async (path, text) => {
    expect(await read(path)).toBe(text)
  }
)

test.each(pages)('%s links only to what exists', async (page) => {
  const links = [...(await read(page)).matchAll(/\]\((?!https?:|#|\/|mailto:)([^)#\s]+)[^)]*\)/g)].map((match) =>
    match[1]!
  )
  expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([])
})

test.each(pages)('%s names only files that exist', async (page) => {
  const named = [
    ...(await read(page))
      .matchAll(/`((?:packages|services|prisma|scripts|test|bench|deploy|docs|examples)\/[\w./-]+)`/g)
  ].map((match) => match[1]!)
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test.each(pages)('%s names only scripts that exist', async (page) => {
  const { scripts } = JSON.parse(await read('package.json'))
  const named = [...(await read(page)).matchAll(/`(?:npx -y pnpm@12|pnpm) ([a-z]+)[^`]*`/g)].map((match) => match[1]!)
  expect(named.filter((name) => !(name in scripts) && !['install', 'exec', 'add'].includes(name))).toEqual([])
})

test.each(declarations.map(({ name }) => name))('the README of %s fits a screen', async (service) => {
  expect((await read(`services/${service}/README.md`)).split('\n').length).toBeLessThanOrEqual(60)
})

test('the index of decisions names each record once', async () => {
  const records = pages.filter((page) => /^docs\/adr\/\d/.test(page)).map((page) => page.slice('docs/adr/'.length))
  const listed = [...(await read('docs/adr/README.md')).matchAll(/\]\((\d{4}[^)]+)\)/g)].map((match) => match[1]!)
  expect(listed.sort()).toEqual(records.sort())
})

test('every decision record has a title, a status and a decision', async () => {
  for (const file of pages.filter((page) => /^docs\/adr\/\d/.test(page))) {
    const text = await read(file)
    expect(text, file).toMatch(/^# \d{4}[ :.—-]/m)
    expect(text, file).toMatch(/Status/i)
    expect(text, file).toMatch(/## Decision/)
  }
})

test('there are at most fourteen root scripts', async () => {
  expect(Object.keys(JSON.parse(await read('package.json')).scripts).length).toBeLessThanOrEqual(14)
})
