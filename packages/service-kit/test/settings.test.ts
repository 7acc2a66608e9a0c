import { Type } from '@sinclair/typebox'
import { expect, test } from 'vitest'
import { commonSettings, duration, flag, integer, parseSettings, port, text, urls } from '../src/settings.ts'

const schema = Type.Object({
  ...commonSettings,
  PORT: port({ description: 'where', default: '3000' }),
  WINDOW: duration({ description: 'how long', default: '1 second' }),
  TOKEN_SECRET: text({ description: 'secret', secret: true, minLength: 32, needs: 'at least 32 bytes' }),
  UPSTREAMS: urls({ description: 'where to', schemes: ['http'], default: 'http://127.0.0.1:1, http://127.0.0.1:2' }),
  MAX: Type.Optional(integer({ description: 'n', minimum: 1, maximum: 5 })),
  ON: flag({ description: 'on', default: 'false' })
})
const good = { TOKEN_SECRET: 'x'.repeat(32) }
const read = (env: Record<string, string>) => parseSettings(schema, env)

test('defaults and values are decoded, and the result is frozen', () => {
  const settings = read({ ...good, WINDOW: '15 minutes', MAX: '3', LOG_LEVEL: '' })
  expect(settings).toMatchObject({ PORT: 3000, WINDOW: 900_000, MAX: 3, ON: false, LOG_LEVEL: 'info', UPSTREAMS: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] })
  expect(Object.isFrozen(settings)).toBe(true)
  expect(read({ ...good, WINDOW: '500 ms' }).WINDOW).toBe(500)
})

test.each([
  [{}, /TOKEN_SECRET is missing: it needs at least 32 bytes/],
  [{ TOKEN_SECRET: 'short-secret' }, /TOKEN_SECRET is a value of 12 characters \(not shown\): it needs at least 32 bytes/],
  [{ ...good, PORT: '70000' }, /PORT is "70000": it needs a whole number from 0 to 65535/],
  [{ ...good, PORT: '-1' }, /PORT is "-1"/],
  [{ ...good, WINDOW: 'soon' }, /WINDOW is "soon": it needs a duration/],
  [{ ...good, UPSTREAMS: 'ftp://user:hunter2@x' }, /UPSTREAMS is "ftp:\/\/user:…@x": it needs comma-separated URLs/],
  [{ ...good, LOG_LEVEL: 'loud' }, /LOG_LEVEL is "loud": it needs one of trace/],
  [{ ...good, ON: 'yes' }, /ON is "yes": it needs true or false/]
])('%o is refused with what it needs', (env, message) => {
  expect(() => read(env as Record<string, string>)).toThrow(message)
})

test('every fault is named at once', () => {
  expect(() => read({ PORT: 'x', ON: 'y' })).toThrow(/PORT[^]*TOKEN_SECRET[^]*ON/)
})
