import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '@gatepost/testing/environment'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>
}
const names = Object.keys(scripts)

/** As the package manager runs the script: its file and what follows. */
async function run (name: string, ...args: string[]) {
  const [program, file] = scripts[name]!.split(' ')
  expect(program).toBe('node')
  let output: { stdout: string, stderr: string } | undefined
  const child = execFile(
    process.execPath,
    [file!, ...args],
    { cwd: root, env: bareEnvironment, timeout: 20_000 },
    (_error, stdout, stderr) => {
      output = { stdout, stderr }
    }
  )
  const [code] = await once(child, 'close') as [number | null]
  await expect.poll(() => output).toBeDefined()
  return { code, ...output! }
}

test.each(names)('pnpm %s --help prints one screen and does nothing', async (name) => {
  const { code, stdout, stderr } = await run(name, '--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(new RegExp(`^usage: pnpm ${name}\\b`))
  expect(stdout).toContain('Exit code')
  const lines = stdout.trimEnd().split('\n')
  expect(lines.length).toBeLessThanOrEqual(24)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120)
})

/** `pnpm test` hands its arguments on to vitest. */
const strict = names.filter((name) => name !== 'test')

test.each(strict)('pnpm %s refuses an option that it does not know, in one line', async (name) => {
  const { code, stdout, stderr } = await run(name, '--fersh')
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: '',
    stderr: `${name}: unknown option '--fersh'; see pnpm ${name} --help\n`
  })
})

test.each([
  ['start', 'fresh'],
  ['start', '--', '--fresh', 'now'],
  ['check', 'services'],
  ['generate', 'docs'],
  ['migrate', 'status', 'auth'],
  ['migrate', 'deploy', 'gateway'],
  ['migrate'],
  ['events'],
  ['keys', 'list', 'all'],
  ['keys', 'list', '--now'],
  ['keys', 'drop'],
  ['new'],
  ['new', 'operation', 'posts', 'publishPost'],
  ['new', 'event'],
  ['new', 'service'],
  ['backup'],
  ['backup', 'wordwrong'],
  ['backup', 'create'],
  ['backup', 'secrets', 'file', '--replace'],
  ['admin', 'grant'],
  ['admin', 'grant', 'ada@example.org', 'bob@example.org'],
  ['admin', 'constructor', 'ada@example.org'],
  ['chaos', '20'],
  ['chaos', '--rounds', 'x'],
  ['bench', 'nothing'],
  ['bench', 'gateway', 'auth']
])('pnpm %s refuses what means nothing: %s', async (name, ...args) => {
  const { code, stdout, stderr } = await run(name, ...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(new RegExp(`^${name}: .+; see pnpm ${name} --help\\n$`))
})
