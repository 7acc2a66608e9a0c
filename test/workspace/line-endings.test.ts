import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

function git (...args: string[]) {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Printed where the test cannot run: a download has no history to clone. */
const noRepository = existsSync(join(root, '.git'))
  ? undefined
  : 'this folder is no clone, so line endings are not checked'
if (noRepository) process.stdout.write(`${noRepository}\n`)

test.skipIf(noRepository)('a clone whose Git converts line endings has the files that were committed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-clone-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  git('clone', '--quiet', '--config', 'core.autocrlf=true', root, folder)
  // Each line begins with the endings in the index and in the working tree: `i/lf    w/lf …`.
  const converted = git('-C', folder, 'ls-files', '--eol').split('\n').filter((line) => /^i\/lf\s+w\/(?!lf)/.test(line))
  expect(converted).toEqual([])
})
