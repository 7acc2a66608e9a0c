import { existsSync, globSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Type } from '@sinclair/typebox'
import { expect, test } from 'vitest'
import { eventOfType, events } from '../src/events.ts'
import { event, eventData } from '../src/event.ts'
import { postUpdated } from '../src/posts/events.ts'
import { breaksOf } from './compatibility.ts'

const source = new URL('../src/', import.meta.url)
const goldenOf = (type: string) => new URL(`${type.split('.')[0]}/golden/${type}.json`, source)
const EXPLANATION = `
Programs of other people read this event. Their promise is in packages/contracts/src/<service>/golden; it changed:`
const ADVICE = `
Either keep to it (new members are fine), or publish a new version beside the old one: docs/adr/0012-event-versions.md.
`

// With GOLDEN=write a new event is recorded; a recorded one is never rewritten, so a break cannot slip in that way.
test.each(events.map((definition) => [definition.type, definition] as const))(
  '%s is as it was published',
  async (type, definition) => {
    const file = goldenOf(type)
    if (!existsSync(file)) {
      expect(
        process.env.GOLDEN,
        `${type} is new: record it with GOLDEN=write pnpm test packages/contracts/test/compatibility.test.ts`
      ).toBe('write')
      await mkdir(new URL('.', file), { recursive: true })
      await writeFile(file, `${JSON.stringify(definition.data, null, 2)}\n`)
    }
    const breaks = breaksOf(JSON.parse(await readFile(file, 'utf8')), JSON.parse(JSON.stringify(definition.data)))
    expect(breaks.length, `${EXPLANATION}\n${breaks.map((text) => `  ${text}`).join('\n')}\n${ADVICE}`).toBe(0)
  }
)

test('no published event is gone', async () => {
  for (const name of globSync('*/golden/*.json', { cwd: fileURLToPath(source) })) {
    expect(eventOfType(basename(name, '.json')), `${name} was published: subscribers wait for it`).toBeDefined()
  }
})

const published = eventData({
  id: Type.String(),
  count: Type.Integer({ minimum: 0 }),
  reason: Type.Union([Type.Literal('a'), Type.Literal('b')])
})

test.each([
  ['a member is gone', eventData({ id: Type.String(), reason: published.properties.reason }), 'data.count: is gone'],
  [
    'a member may be missing',
    eventData({ ...published.properties, id: Type.Optional(Type.String()) }),
    'data.id: was always there and may be missing now'
  ],
  [
    'a type changed',
    eventData({ ...published.properties, count: Type.String() }),
    'data.count: type was "integer" and is "string"'
  ],
  [
    'a bound is wider',
    eventData({ ...published.properties, count: Type.Integer({ minimum: -1 }) }),
    'data.count: minimum was 0 and is -1'
  ],
  [
    'a value is new',
    eventData({
      ...published.properties,
      reason: Type.Union([Type.Literal('a'), Type.Literal('b'), Type.Literal('c')])
    }),
    'data.reason: may be {"const":"c","type":"string"} now'
  ]
])('it breaks subscribers when %s', (_what, schema, fault) => {
  expect(breaksOf(JSON.parse(JSON.stringify(published)), JSON.parse(JSON.stringify(schema)))).toContain(fault)
})

test.each([
  ['a member is added', eventData({ ...published.properties, more: Type.String() })],
  ['an optional member is added', eventData({ ...published.properties, more: Type.Optional(Type.String()) })],
  ['a description changes', eventData({ ...published.properties, id: Type.String({ description: 'the id' }) })]
])('it breaks nobody when %s', (_what, schema) => {
  expect(breaksOf(JSON.parse(JSON.stringify(published)), JSON.parse(JSON.stringify(schema)))).toEqual([])
})

test('a second version stands beside the first: a subject of its own, the same aggregate', () => {
  const second = event({
    ...postUpdated,
    aggregateId: 'postId',
    version: 2,
    summary: 'As before, with the language.',
    data: eventData({ ...postUpdated.data.properties, language: Type.String() })
  })
  expect([postUpdated.subject, second.subject]).toEqual([
    'events.posts.post-updated.v1',
    'events.posts.post-updated.v2'
  ])
  expect([second.type, second.source]).toEqual(['posts.post-updated.v2', '/services/posts'])
})
