import { readFile } from 'node:fs/promises'
import { Parser, type AsyncAPIDocumentInterface } from '@asyncapi/parser'
import { beforeAll, expect, test } from 'vitest'
import { asyncApi } from '../src/asyncapi.ts'
import { EVENTS_STREAM, envelopeOf } from '../src/event.ts'
import { consumers, events } from '../src/events.ts'
import { eventsStreamSettings } from '../src/stream.ts'

interface Written {
  channels: Record<string, { address: string, bindings: object, 'x-jetstream': { consumers: string[] } }>
  operations: Record<string, { 'x-jetstream': { create: { request: { config: { filter_subject: string } } } } }>
  components: {
    messages: Record<string, { payload: { properties: { data: { properties: object, required?: string[] } } } }>
  }
  servers: { nats: { 'x-jetstream': object } }
}

const written = asyncApi('nats://127.0.0.1:4222') as unknown as Written
let document: AsyncAPIDocumentInterface
let complaints: string[]

beforeAll(async () => {
  const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(written))
  // 3.0 is what we promise; that there is a 3.1 is no fault.
  complaints = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version').map(({ path, message }) =>
    `${path.join('.')}: ${message}`
  )
  document = parsed!
})

test('the official parser has nothing to say against the document', () => {
  expect(complaints).toEqual([])
  expect(document.version()).toBe('3.0.0')
})

test('every event has a channel on its subject, an operation and a message, and nothing else has', () => {
  expect(document.channels().all().map((channel) => channel.address()).sort())
    .toEqual(events.map(({ subject }) => subject).sort())
  for (const operation of document.operations().all()) {
    expect(operation.action()).toBe('send')
    expect(operation.channels().all()).toHaveLength(1)
    expect(operation.messages().all()).toHaveLength(1)
  }
  expect(document.operations().all()).toHaveLength(events.length)
  expect(document.messages().all()).toHaveLength(events.length)
})

test('NATS is bound at the server, each channel, operation and message, and each message has its headers', () => {
  const bound = [
    ...document.servers().all(),
    ...document.channels().all(),
    ...document.operations().all(),
    ...document.messages().all()
  ]
  for (const part of bound) expect(part.bindings().all().map((binding) => binding.protocol())).toEqual(['nats'])
  for (const message of document.messages().all()) {
    expect(message.contentType()).toBe('application/cloudevents+json')
    expect(Object.keys(message.headers()!.properties()!))
      .toEqual(expect.arrayContaining(['Nats-Msg-Id', 'content-type']))
  }
})

test('payloads are the envelopes that publishers are checked against, data the golden schemas', async () => {
  for (const definition of events) {
    const { payload } = written.components.messages[definition.type]!
    expect(payload).toEqual(JSON.parse(JSON.stringify(envelopeOf(definition))))
    const golden = JSON.parse(await readFile(new URL(
      `../src/${definition.owner}/golden/${definition.type}.json`,
      import.meta.url
    ), 'utf8'))
    expect(Object.keys(payload.properties.data.properties))
      .toEqual(expect.arrayContaining(Object.keys(golden.properties)))
  }
})

test('the stream, its duplicate window and every consumer are told, each at the channels that it reads', () => {
  expect(written.servers.nats['x-jetstream']).toMatchObject({
    stream: { name: EVENTS_STREAM, retention: 'limits', duplicate_window: eventsStreamSettings.duplicate_window },
    consumers: Object.values(consumers)
  })
  const readersOf = (type: string) => written.channels[type]!['x-jetstream'].consumers
  expect(readersOf('posts.post-created.v1')).toEqual(['feed-posts'])
  expect(readersOf('auth.user-deleted.v1')).toEqual(expect.arrayContaining(['posts-users', 'feed-users']))
  expect(readersOf('auth.user-updated.v1')).toEqual(['feed-users'])
  expect(new Set(events.flatMap(({ type }) => readersOf(type)))).toEqual(new Set(Object.keys(consumers)))
  for (const { type, subject } of events) {
    expect(written.operations[`send-${type}`]!['x-jetstream'].create.request.config.filter_subject).toBe(subject)
  }
})
