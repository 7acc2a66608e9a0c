import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { namesOf } from '../../scripts/new/names.ts'
import { filesOf, refuseName } from '../../scripts/new/service.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

test.each([
  ['posts', 'there is a service "posts" already'],
  ['../x', '"../x" is no name of a service: it needs words in kebab-case, 30 characters at most'],
  ['Orders', '"Orders" is no name'],
  ['order_items', '"order_items" is no name'],
  ['-x', '"-x" is no name'],
  ['provisioner', '"provisioner" is reserved'],
  ['template0', '"template0" is reserved']
])('%j is refused with one line', (name, message) => {
  expect(() => refuseName(name)).toThrow(message)
  expect(() => refuseName(name)).toThrow(/^[^\n]+$/)
})

test.each([
  ['orders', 'order', 'orders'],
  ['order-items', 'order-item', 'order_items'],
  ['inventory', 'inventory', 'inventories'],
  ['categories', 'category', 'categories'],
  ['late-night-buses', 'late-night-bus', 'late_night_buses'],
  ['status', 'status', 'statuses']
])('%s: its aggregate is %s, its table %s', (name, aggregate, table) => {
  expect(namesOf(name)).toMatchObject({ name, aggregate, table })
})

test.each(['orders', 'inventory', 'order-items', 'late-night-buses'])(
  'the files of %s are small, few, within 120 columns, and filled in',
  async (name) => {
    const files = await filesOf(name)
    const sources = Object.entries(files).filter(([path]) => /\/src\/.*\.ts$/.test(path))
    expect(sources.length).toBeLessThanOrEqual(12)
    expect(sources.flatMap(([, text]) => text.trimEnd().split('\n')).length).toBeLessThanOrEqual(350)
    for (const [path, text] of Object.entries(files)) {
      expect(text, path).not.toMatch(/\{\{/)
      if (path.endsWith('.ts')) expect(text.split('\n').filter((line) => line.length > 120), path).toEqual([])
    }
    const folders = new RegExp(`^(packages/contracts/src|services|prisma)/${name}/`)
    expect(Object.keys(files).filter((path) => !folders.test(path))).toEqual([])
  }
)

test.each(['secrets', 'outbox', 'inbox'])('a new service has the tables %s that posts has', (part) => {
  const posts = readFileSync(`${root}prisma/posts/schema.prisma`, 'utf8')
  const models = readFileSync(`${root}packages/events/tables/${part}.prisma`, 'utf8').trim().split('\n\n')
  expect(models.filter((model) => !posts.includes(model))).toEqual([])
})
