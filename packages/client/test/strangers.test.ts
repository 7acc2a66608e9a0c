import { spawn } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { asyncApi } from '@gatepost/contracts/asyncapi'
import { postCreated, postDeleted } from '@gatepost/contracts/posts/events'
import { eventually } from '@gatepost/testing/eventually'
import { connect } from '@nats-io/transport-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { created, eventOf, startSubscriberStage, type SubscriberStage } from './support/subscriber-stage.ts'

let stage: SubscriberStage
beforeEach(async () => { stage = await startSubscriberStage() })
afterEach(() => stage.stop())

test('the example program counts the posts of each author', async () => {
  const authorId = randomUUIDv7()
  const first = created('one', authorId)
  await stage.publish(
    first,
    created('two', authorId),
    eventOf(postDeleted, first.subject, { postId: first.subject, authorId })
  )
  const program = spawn(process.execPath, [
    fileURLToPath(new URL('../../../examples/post-counter.ts', import.meta.url))
  ], { env: { ...process.env, NATS_URL: stage.nats.url } })
  let output = ''
  program.stdout.on('data', (chunk) => {
    output += chunk
  })
  await eventually(
    () => expect(output).toBe(`${authorId} has 1 posts\n${authorId} has 2 posts\n${authorId} has 1 posts\n`),
    { withinMs: 15_000 }
  )
  program.kill('SIGTERM')
  const code = await new Promise((resolve) => program.once('exit', resolve))
  expect(code).toBe(0)
})

test('what /asyncapi.json tells makes a consumer, delivers and acknowledges, without this package', async () => {
  const { operations } = asyncApi(stage.nats.url) as {
    operations: Record<string, { 'x-jetstream': { create: Told, next: Told, acknowledge: Told } }>
  }
  const { create, next, acknowledge } = operations[`send-${postCreated.type}`]!['x-jetstream']
  const named = (told: unknown) => JSON.stringify(told).replaceAll('{name}', 'by-hand')
  const event = created()
  await stage.publish(event)
  const anybody = await connect({ servers: new URL(stage.nats.url).host })
  try {
    // The event comes under its own subject, so each request has an inbox of its own.
    const ask = async ({ subject, request }: Told) =>
      anybody.request(JSON.parse(named(subject)), named(request), { timeout: 5_000, noMux: true })
    expect((await ask(create)).json()).toMatchObject({ name: 'by-hand', num_pending: 1 })
    const message = await ask(next)
    expect(message.json()).toEqual(event)
    expect(message.headers!.get('Nats-Msg-Id')).toBe(event.id)
    message.respond(acknowledge.request as string)
    await eventually(async () => expect((await stage.durable('by-hand')).ack_floor.stream_seq).toBe(1))
  } finally {
    await anybody.close()
  }
})

interface Told { subject: string, request: unknown }
