import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addresses } from './accounts/addresses.ts'
import { administration } from './accounts/administration.ts'
import { guessing } from './accounts/guessing.ts'
import { passwords } from './accounts/passwords.ts'
import { sessions } from './accounts/sessions.ts'
import { type AccountStage, PASSWORD, startStage } from './accounts/stage.ts'

// One system for all: its start takes a processor seven seconds.
let stage: AccountStage
beforeAll(async () => { stage = await startStage() }, 60_000)
afterAll(() => stage?.stop())

describe('sessions', () => sessions(() => stage))
describe('passwords', () => passwords(() => stage))
describe('guessing', () => guessing(() => stage))
describe('addresses', () => addresses(() => stage))
describe('administration', () => administration(() => stage))

test('no password, address or mailed token is in an event or a log', async () => {
  const folder = join(stage.system.dataDir, 'mail')
  const files = (await readdir(folder)).filter((file) => file.endsWith('.txt'))
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  const tokens = texts.map((text) => /[#?]token=([\w-]+)/.exec(text)?.[1]).filter((token) => token !== undefined)
  expect(tokens.length).toBeGreaterThan(5)
  const told = [
    ...stage.system.output.values(),
    stage.verifyingAuth.output,
    stage.verifying.output,
    ...stage.subscriber.messages.map(({ body, headers }) => body + headers)
  ].join('\n')
  expect(told).toContain('mail written')
  const { password, email, refreshToken } = stage.ada
  for (const secret of [...tokens, PASSWORD, password, email, refreshToken, 'free@example.com']) {
    expect(told.includes(secret)).toBe(false)
  }
})
