import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { postDeleted } from '@gatepost/contracts/posts/events'
import { eventually } from '@gatepost/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { subscribe } from '../src/subscribe.ts'
import { created, startSubscriberStage, type SubscriberStage } from './support/subscriber-stage.ts'

let stage: SubscriberStage
beforeEach(async () => { stage = await startSubscriberStage() })
afterEach(() => stage.stop())

test('what a killed program had, and all since then, comes to its successor in the stream’s order', async () => {
  await stage.makeDurable()
  await stage.publish(...['one', 'two', 'three'].map((title) => created(title)))
  const program = spawn(process.execPath, [fileURLToPath(new URL('support/hanging-subscriber.ts', import.meta.url))], {
    env: { ...process.env, NATS_URL: stage.nats.url },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let output = ''
  program.stdout.on('data', (chunk) => { output += chunk })
  await eventually(() => expect(output).toBe('one\ntwo\n'), { withinMs: 15_000 })
  program.kill('SIGKILL')
  await stage.publish(created('four'))
  const seen: string[] = []
  await stage.follow({
    durable: 'my-program',
    onEvent: (event, { redelivered }) => {
      seen.push(`${event.data.title}${redelivered ? ' again' : ''}`)
    }
  })
  await stage.publish(created('five'))
  await eventually(() => expect(seen).toContain('five'))
  expect(seen).toEqual(['two again', 'three', 'four', 'five'])
})

test.each([1, 8])('it goes on after the broker was away (concurrency %i)', async (concurrency) => {
  const seen: string[] = []
  await stage.follow({ durable: 'my-program', concurrency, onEvent: (event) => { seen.push(event.data.title) } })
  await stage.publish(created('before'))
  await eventually(() => expect(seen).toEqual(['before']))
  await eventually(async () => expect((await stage.durable()).num_ack_pending).toBe(0))
  await stage.nats.halt()
  await stage.nats.start()
  await eventually(() => stage.publish(created('after')))
  // At least once: the broker may not have heard that the first was dealt with.
  await eventually(() => expect([...new Set(seen)]).toEqual(['before', 'after']))
})

test('without NATS, or without its stream, it says so at once', async () => {
  await expect(subscribe({ servers: 'nats://127.0.0.1:9', events: [postDeleted], onEvent: () => {} })).rejects
    .toThrow('refused')
  const { host } = new URL(stage.nats.url)
  stage.provisioner.publish('$JS.API.STREAM.DELETE.EVENTS')
  await stage.provisioner.flush()
  await eventually(() =>
    expect(subscribe({ servers: host, events: [postDeleted], onEvent: () => {} })).rejects.toThrow('stream not found')
  )
})
