import { pino } from 'pino'
import { expect, test } from 'vitest'
import { plainLines } from '../src/log.ts'

test('a plain line is the one that pino writes, down to the byte', () => {
  const lines: string[] = []
  const log = pino({
    base: { name: 'gateway' },
    timestamp: () => ',"time":"2026-11-25T12:00:00.000Z"',
    formatters: { level: (label) => ({ level: label }) },
    redact: ['token', '*.token']
  }, { write: (line: string) => { lines.push(line) } })
  const members = { requestId: 'abc-1', route: '/api/posts/:id', quoted: 'a "b"\\\n\u2028', status: 200, ms: 0.3, userId: undefined, attempts: null }
  log.info(members, 'request')
  log.warn(members, 'request')
  const plain = plainLines(log)
  plain.info({ ...members, msg: 'request' })
  plain.warn({ ...members, msg: 'request' })
  plain.debug({ ...members, msg: 'request' })
  expect(lines).toHaveLength(4)
  expect(lines.slice(2)).toEqual(lines.slice(0, 2))
})
