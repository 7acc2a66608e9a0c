import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { relayOutput } from '../../scripts/start/output.ts'

let folder: string
let said: string[]
const say = (line: string) => { said.push(line) }
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatepost-output-'))
  said = []
})
afterEach(() => rmSync(folder, { recursive: true }))

const error = (msg: string) => `${JSON.stringify({ level: 'error', msg, err: { message: 'why' } })}\n`

test.each([
  ['text that only looks like JSON', '{ not JSON\n'],
  ['null', 'null\n'],
  ['a list', '[{"level":"error"}]\n'],
  ['a number', '{1}\n'],
  ['an error that is none', '{"level":"error","msg":"odd","err":null}\n'],
  ['a prototype', '{"level":"constructor","msg":"no"}\n']
])('what is no log line of ours does no harm: %s', (_name, text) => {
  const output = relayOutput(folder, say)
  output.onOutput('auth', text)
  output.onOutput('auth', error('told'))
  expect(said.at(-1)).toBe('auth: error: told (why)')
  expect(readFileSync(join(folder, 'auth.log'), 'utf8')).toBe(text + error('told'))
})

function heapAfterCollection () {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

test('a line that comes in pieces is one, and one of many megabytes without an end is not kept', () => {
  const output = relayOutput(folder, say)
  const line = error('in pieces')
  for (const character of line) output.onOutput('auth', character)
  expect(said).toEqual(['auth: error: in pieces (why)'])
  const before = heapAfterCollection()
  output.onOutput('auth', '{')
  for (let n = 0; n < 64; n++) output.onOutput('auth', 'x'.repeat(2 ** 20))
  expect(heapAfterCollection() - before).toBeLessThan(32 * 2 ** 20)
  output.onOutput('auth', `"\n${error('behind it')}`)
  expect(said.at(-1)).toBe('auth: error: behind it (why)')
})

test('a file that can never be written is told once, and the rest goes on', () => {
  mkdirSync(join(folder, 'posts.log'))
  const output = relayOutput(folder, say)
  for (const msg of ['one', 'two']) output.onOutput('posts', error(msg))
  expect(said.filter((line) => line.startsWith('posts.log cannot be written'))).toHaveLength(1)
  expect(said.slice(-1)).toEqual(['posts: error: two (why)'])
})

test.skipIf(!existsSync('/dev/full'))('a full disk is told once', () => {
  symlinkSync('/dev/full', join(folder, 'auth.log'))
  const output = relayOutput(folder, say)
  for (let n = 0; n < 3; n++) output.onOutput('auth', `line ${n}\n`)
  expect(said).toEqual(['auth.log cannot be written (ENOSPC): its lines are lost until it can'])
})

/** Its own process, for the limit is a process's: 8 KB a file, as `ulimit -f` counts. */
test('a file that is full for a while goes on with the next line once there is room', () => {
  const script = join(folder, 'fill.ts')
  writeFileSync(script, `
    import { truncateSync } from 'node:fs'
    import { createLogFile } from ${
      JSON.stringify(fileURLToPath(new URL('../../scripts/start/log-file.ts', import.meta.url)))
    }
    const path = process.argv[2]
    const file = createLogFile(path, (line) => console.log(line))
    for (let n = 0; n < 100; n++) file.write(\`\${n} \${'x'.repeat(200)}\\n\`)
    truncateSync(path, 1000)
    file.write('the end of a line that began before\\nwhole\\n')
    file.write('next\\n')
  `)
  const log = join(folder, 'auth.log')
  const output = execFileSync('sh', ['-c', 'ulimit -f 16; exec "$0" "$1" "$2"', process.execPath, script, log], {
    encoding: 'utf8'
  })
  expect(output)
    .toMatch(
      /^auth\.log cannot be written \(EFBIG\): its lines are .+\nauth\.log is written again; \d+ bytes were lost\n$/
    )
  expect(readFileSync(log, 'utf8').slice(1000)).toMatch(/^\n?whole\nnext\n$/)
})
