import { Type } from '@sinclair/typebox'
import { expect, test } from 'vitest'
import { duration, flag, integer, port, text, url, urls } from '../src/setting-kinds.ts'
import { commonSettings, parseSettings } from '../src/settings.ts'

const schema = Type.Object({
  ...commonSettings,
  PORT: port({ description: 'where', default: '3000' }),
  WINDOW: duration({ description: 'how long', default: '1 second' }),
  TOKEN_SECRET: text({ description: 'secret', secret: true, minLength: 32, needs: 'at least 32 bytes' }),
  UPSTREAMS: urls({ description: 'where to', schemes: ['http'], default: 'http://127.0.0.1:1, http://127.0.0.1:2' }),
  MAX: Type.Optional(integer({ description: 'n', minimum: 1, maximum: 5 })),
  ON: flag({ description: 'on', default: 'false' }),
  DATABASE_URL: Type.Optional(url({ description: 'database', schemes: ['postgresql'], secret: true }))
})
const good = { TOKEN_SECRET: 'x'.repeat(32) }
const read = (env: Record<string, string>) => parseSettings(schema, env)

test('defaults and values are decoded, and the result is frozen', () => {
  const settings = read({ ...good, WINDOW: '15 minutes', MAX: '3', LOG_LEVEL: '' })
  expect(settings).toMatchObject({
    PORT: 3000,
    WINDOW: 900_000,
    MAX: 3,
    ON: false,
    LOG_LEVEL: 'info',
    UPSTREAMS: ['http://127.0.0.1:1', 'http://127.0.0.1:2']
  })
  expect(Object.isFrozen(settings)).toBe(true)
  expect(read({ ...good, WINDOW: '500 ms' }).WINDOW).toBe(500)
})

test.each([
  [{}, /TOKEN_SECRET is missing: it needs at least 32 bytes/],
  [
    { TOKEN_SECRET: 'short-secret' },
    /TOKEN_SECRET is a value of 12 characters \(not shown\): it needs at least 32 bytes/
  ],
  [{ ...good, PORT: '70000' }, /PORT is "70000": it needs a whole number from 0 to 65535/],
  [{ ...good, PORT: '-1' }, /PORT is "-1"/],
  [{ ...good, WINDOW: 'soon' }, /WINDOW is "soon": it needs a duration/],
  [{ ...good, UPSTREAMS: 'ftp://user:hunter2@x' }, /UPSTREAMS is "ftp:\/\/user:…@x": it needs comma-separated URLs/],
  [{ ...good, LOG_LEVEL: 'loud' }, /LOG_LEVEL is "loud": it needs one of trace/],
  [{ ...good, ON: 'yes' }, /ON is "yes": it needs true or false/],
  [
    { ...good, HOST: 'x86_64-conda-linux-gnu' },
    /HOST is "x86_64-conda-linux-gnu": it needs an IP address such as 127.0.0.1/
  ],
  [{ ...good, HOST: 'laptop.local' }, /HOST is "laptop.local": it needs an IP address/],
  [
    { ...good, DATABASE_URL: 'postgresql://ada:100%sure@host/auth' },
    /DATABASE_URL is a value of 35 characters \(not shown\): .* user and password are percent-encoded, % as %25/
  ],
  [{ ...good, DATABASE_URL: 'postgresql://ada:secret#1@host/auth' }, /DATABASE_URL .* percent-encoded, .*# as %23/],
  [
    { ...good, UPSTREAMS: 'http://ada:hunter%2@x' },
    /UPSTREAMS is "http:\/\/ada:…@x": it needs a URL whose user and password are percent-encoded/
  ]
])('%o is refused with what it needs', (env, message) => {
  expect(() => read(env as Record<string, string>)).toThrow(message)
})

test('words are taken in any case, addresses of both families and localhost', () => {
  expect(['INFO', 'Warn', 'error'].map((LOG_LEVEL) => read({ ...good, LOG_LEVEL }).LOG_LEVEL)).toEqual([
    'info',
    'warn',
    'error'
  ])
  expect(['::', '192.168.1.7', 'localhost'].map((HOST) => read({ ...good, HOST }).HOST)).toEqual([
    '::',
    '192.168.1.7',
    'localhost'
  ])
})

test('every fault is named at once', () => {
  expect(() => read({ PORT: 'x', ON: 'y' })).toThrow(/PORT[^]*TOKEN_SECRET[^]*ON/)
})
