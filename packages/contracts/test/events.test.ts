import { Value } from '@sinclair/typebox/value'
import { expect, test } from 'vitest'
import { envelopeOf, event, eventData } from '../src/event.ts'
import { consumers, events, eventOfType } from '../src/events.ts'
import { postDeleted } from '../src/posts/events.ts'

const ID = '01900000-0000-7000-8000-000000000001'

test('a subject is events.<owner>.<event>.v<major>', () => {
  for (const { subject, type, owner, source } of events) {
    expect(subject).toMatch(/^events\.[a-z-]+\.[a-z-]+\.v\d+$/)
    expect(subject).toBe(`events.${type}`)
    expect(source).toBe(`/services/${owner}`)
    expect(eventOfType(type)?.subject).toBe(subject)
  }
})

test('a name that could not be a subject token is refused', () => {
  for (const name of ['post.created', 'post created', 'post*', '>', 'PostCreated', '']) {
    expect(() =>
      event({
        owner: 'posts',
        name,
        version: 1,
        summary: '',
        aggregate: 'post',
        aggregateId: 'x' as never,
        data: eventData({})
      })
    ).toThrow(/not an event name/)
  }
})

test('no event has a member for an address, a password, a token or a key', () => {
  for (const { data } of events) {
    for (const member of Object.keys(data.properties)) {
      expect(member).not.toMatch(/mail|password|token|key|secret|hash/i)
    }
  }
})

test('the aggregate’s id is a member of the data', () => {
  for (const { data, aggregateId } of events) expect(data.properties).toHaveProperty(aggregateId)
})

test('an envelope takes extensions and unknown members, and refuses another type', () => {
  const envelope = {
    specversion: '1.0',
    id: ID,
    source: '/services/posts',
    type: 'posts.post-deleted.v1',
    subject: ID,
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    dataschema: 'x',
    aggregateversion: 2,
    data: { postId: ID, authorId: ID, later: 1 },
    extension: 1
  }
  expect(Value.Check(envelopeOf(postDeleted), envelope)).toBe(true)
  expect(Value.Check(envelopeOf(postDeleted), { ...envelope, type: 'posts.post-created.v1' })).toBe(false)
  expect(Value.Check(envelopeOf(postDeleted), { ...envelope, aggregateversion: 0 })).toBe(false)
})

test('a consumer is named after its service', () => {
  for (const [name, consumer] of Object.entries(consumers)) {
    expect(consumer.name).toBe(name)
    expect(name.startsWith(`${consumer.service}-`)).toBe(true)
  }
})
