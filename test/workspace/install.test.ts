import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../..', import.meta.url))
const settings = parse(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')) as Record<string, unknown>

test('packages are checked against the Node that runs them, which is the same everywhere', () => {
  const manifests = ['package.json', ...globSync('services/*/package.json', { cwd: root })]
  for (const file of manifests) {
    const { dependencies } = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      dependencies: Record<string, string>
    }
    expect(dependencies.node, file).toBe(settings.nodeVersion)
  }
})

test('a user’s own configuration of pnpm keeps no install script from running', () => {
  expect(settings).toMatchObject({ ignoreScripts: false, engineStrict: false })
})
