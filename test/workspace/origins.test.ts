import { Value } from '@sinclair/typebox/value'
import type { TSchema } from '@sinclair/typebox'
import { expect, test } from 'vitest'
import { settingsSchemas } from '../../scripts/settings.ts'

/** Every setting of every process that says where HTTP is spoken. */
const settings: Array<[string, TSchema]> = []
for (const [service, { properties }] of Object.entries(settingsSchemas)) {
  for (const [name, schema] of Object.entries<TSchema>(properties)) {
    if (String(schema.default).startsWith('http:')) settings.push([`${service}: ${name}`, schema])
  }
}

test.for(settings)('%s refuses what calls would drop silently', ([, schema]) => {
  for (const rest of ['/base', '//', '/?a=1', '?', '#', '#part', '/..', '\\base']) {
    expect(() => Value.Decode(schema, `http://host:3002${rest}`), rest).toThrow()
  }
  for (
    const value of [
      'http://user@host',
      'http://user:password@host',
      'http://@host',
      'host:3002',
      'ftp://host',
      'http://',
      'http:host',
      ',',
      'http://a b'
    ]
  ) {
    expect(() => Value.Decode(schema, value), value).toThrow()
  }
  expect([Value.Decode(schema, 'HTTP://Host:80/')].flat()).toEqual(['http://host'])
})

test('services and the public address are among them', () => {
  expect(settings.map(([name]) => name))
    .toEqual(expect.arrayContaining([
      'gateway: POSTS_URL',
      'gateway: PUBLIC_URL',
      'posts: AUTH_URL',
      'auth: PUBLIC_URL'
    ]))
})
