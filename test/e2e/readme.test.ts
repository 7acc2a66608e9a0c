import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSystem, type System } from '@gatepost/testing/system'
import { patternOf, stepsOf } from './readme-walk.ts'

const MARK = '=== next ==='
let system: System
let folder: string

beforeAll(async () => {
  system = await startSystem()
  folder = await mkdtemp(join(tmpdir(), 'gatepost-walk-'))
}, 60_000)
afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the walk of the README does what the README says', async () => {
  const steps = stepsOf(await readFile(new URL('../../README.md', import.meta.url), 'utf8'))
  expect(steps.length).toBeGreaterThan(5)
  const script = steps.map(({ command }) => `${command.replaceAll('http://127.0.0.1:3000', system.gatewayUrl)}\necho; echo '${MARK}'`).join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-ec', script], { cwd: folder })
  const printed = stdout.split(`${MARK}\n`)
  for (const [index, { command, output }] of steps.entries()) expect(printed[index]!.trim(), command).toMatch(patternOf(output))
}, 30_000)
