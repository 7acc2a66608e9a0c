import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { System } from '@gatepost/testing/system'
import { patternOf, stepsOf } from '../readme-walk.ts'

const MARK = '=== next ==='

/** The walk of the README, typed in by a shell. */
export function readme (started: () => System) {
  let folder: string
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'gatepost-walk-')) })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('the walk of the README does what the README says', async () => {
    const steps = stepsOf(await readFile(new URL('../../../README.md', import.meta.url), 'utf8'))
    expect(steps.length).toBeGreaterThan(5)
    const script = steps.map(({ command }) =>
      `${command.replaceAll('http://127.0.0.1:3000', started().gatewayUrl)}\necho; echo '${MARK}'`
    ).join('\n')
    const { stdout } = await promisify(execFile)('bash', ['-ec', script], { cwd: folder })
    const printed = stdout.split(`${MARK}\n`)
    for (const [index, { command, output }] of steps.entries()) {
      expect(printed[index]!.trim(), command).toMatch(patternOf(output))
    }
  }, 30_000)
}
