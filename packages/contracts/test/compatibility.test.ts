import { readFileSync, readdirSync } from 'node:fs'
import { Type } from '@sinclair/typebox'
import { expect, test } from 'vitest'
import { breakingChanges } from '../src/compatibility.ts'
import { event, eventData } from '../src/event.ts'
import { events } from '../src/events.ts'
import { postCreated } from '../src/posts/events.ts'

const folder = new URL('../golden/', import.meta.url)
const golden = (type: string) => JSON.parse(readFileSync(new URL(`${type}.json`, folder), 'utf8'))
const plain = (schema: object) => JSON.parse(JSON.stringify(schema))

test('every event that was ever published is still there', () => {
  const types = events.map(({ type }) => `${type}.json`)
  expect(readdirSync(folder).filter((file) => !types.includes(file)), 'an event may be published no more, but its subscribers are told first: keep its schema').toEqual([])
})

test.each(events.map((definition) => [definition.type, definition] as const))('%s has not changed in a way that breaks its subscribers', (type, { data }) => {
  const explanation = `${type} is published: subscribers hold code against its schema. Add members freely, but for anything else define the event again ` +
    'with the next major version beside it, and publish both for as long as the old one has subscribers (see CONTRIBUTING.md).'
  expect(breakingChanges(golden(type), data), explanation).toEqual([])
})

const base = eventData({ id: Type.String({ maxLength: 5 }), kind: Type.Union([Type.Literal('a'), Type.Literal('b')]), note: Type.Optional(Type.String()) })
test.each([
  ['a new member', eventData({ ...base.properties, more: Type.Integer() }), 0],
  ['another description', eventData({ ...base.properties, id: Type.String({ maxLength: 5, description: 'new' }) }), 0],
  ['an optional member that is promised now', eventData({ ...base.properties, note: Type.String() }), 0],
  ['a member that is gone', eventData({ id: base.properties.id, kind: base.properties.kind }), 1],
  ['a member that is optional now', eventData({ ...base.properties, id: Type.Optional(base.properties.id) }), 1],
  ['another type', eventData({ ...base.properties, id: Type.Integer() }), 1],
  ['a longer text', eventData({ ...base.properties, id: Type.String({ maxLength: 6 }) }), 1],
  ['one more value', eventData({ ...base.properties, kind: Type.Union([Type.Literal('a'), Type.Literal('b'), Type.Literal('c')]) }), 1]
])('%s makes %#: %i breaking changes', (_name, present, count) => {
  expect(breakingChanges(plain(base), present)).toHaveLength(count)
})

test('v2 stands beside v1 with a subject of its own', () => {
  const v2 = event({ ...postCreated, version: 2, data: eventData({ postId: postCreated.data.properties.postId, body: Type.String() }), aggregateId: 'postId' })
  expect([v2.type, v2.subject]).toEqual(['posts.post-created.v2', 'events.posts.post-created.v2'])
  expect(breakingChanges(plain(postCreated.data), v2.data).length).toBeGreaterThan(0)
})
