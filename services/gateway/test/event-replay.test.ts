import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { eventually } from '@gatepost/testing/eventually'
import { revokeSession } from '@gatepost/testing/publisher'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEventStreams } from '../src/live/event-streams.ts'
import { accessToken, uuid7 } from './support/gateway.ts'
import { type LiveStage, startLiveStage } from './support/live-stage.ts'

/** More than the kernel takes for a client that does not read. */
const COUNT = 700
const CONTENT = 'x'.repeat(20_000)

let stage: LiveStage
let first: number
let last: number

beforeAll(async () => {
  stage = await startLiveStage()
  first = await post()
  await Promise.all(Array.from({ length: COUNT }, post))
  last = await post()
  await eventually(() => expect(stage.gateway.app.live.status().lastSequence).toBe(last))
}, 30_000)
afterAll(() => stage?.stop())

const post = () => stage.post({ content: CONTENT })

/** Resumes after the first event and notes the ids that come; `pause` is how a client stops reading. */
function resume (port: number, token = accessToken()) {
  const socket = connect(port, '127.0.0.1')
  const client = { socket, ids: [] as number[], text: '', closed: once(socket, 'close') }
  let rest = ''
  socket.on('error', () => undefined).on('data', (bytes) => {
    const lines = (rest + bytes.toString('latin1')).split('\n')
    rest = lines.pop()!
    for (const line of lines) if (line.startsWith('id: ')) client.ids.push(Number(line.slice('id: '.length)))
    client.text = (client.text + bytes.toString('latin1')).slice(-1_000)
  })
  socket
    .write('GET /api/events HTTP/1.1\r\nhost: gateway\r\n' +
      `authorization: Bearer ${token}\r\nlast-event-id: ${first}\r\n\r\n`)
  return client
}

const missed = () => Array.from({ length: last - first }, (_, at) => first + 1 + at)

test('a client that missed many megabytes gets all of it, in order and once', async () => {
  const clients = [resume(stage.gateway.port), resume(stage.gateway.port), resume(stage.gateway.port)]
  await eventually(() => expect(clients.map(({ ids }) => ids.at(-1))).toEqual([last, last, last]))
  for (const { ids, socket } of clients) {
    expect(ids).toEqual(missed())
    socket.destroy()
  }
})

test('a client that pauses for a while goes on where it was, whatever came meanwhile', async () => {
  const client = resume(stage.gateway.port)
  await eventually(() => expect(client.ids.length).toBeGreaterThan(10))
  client.socket.pause()
  last = await post()
  await eventually(() => expect(stage.gateway.app.live.status().lastSequence).toBe(last))
  expect(client.ids.length).toBeLessThan(COUNT)
  client.socket.resume()
  await eventually(() => expect(client.ids.at(-1)).toBe(last))
  expect(client.ids).toEqual(missed())
  client.socket.destroy()
})

test('a session that ends in the midst of a replay ends the stream, after what was sent', async () => {
  const [userId, sessionId] = [uuid7(), uuid7()]
  const client = resume(stage.gateway.port, accessToken({ sub: userId, sid: sessionId }))
  await eventually(() => expect(client.ids.length).toBeGreaterThan(10))
  client.socket.pause()
  await revokeSession(stage.auth, { userId, sessionId })
  await eventually(async () =>
    expect(await stage.gateway.registry.getSingleMetricAsString('gatepost_event_streams')).toMatch(/ 0$/m)
  )
  client.socket.resume()
  await client.closed
  expect(client.text.endsWith('\r\n0\r\n\r\n')).toBe(true)
  expect(client.ids).toEqual(missed().slice(0, client.ids.length))
  expect(client.ids.length).toBeLessThan(COUNT)
})

test('a client that stops reading is cut in time, and nobody else', async () => {
  const { live } = stage.gateway.app
  const streams = createEventStreams({
    live,
    isRevoked: () => false,
    log: stage.gateway.app.log as never,
    writeTimeoutMs: 2_000
  })
  const server = createServer((_, response) => {
    streams.open({ userId: uuid7(), sessionId: uuid7(), expiresAt: Infinity }, response, first)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [stuck, other] = [resume(port), resume(port)]
  stuck.socket.pause()
  await eventually(() => expect(streams.cut).toBe(1))
  await eventually(() => expect(other.ids.at(-1)).toBe(last))
  await eventually(() => expect(streams.size).toBe(1)) // a stream that is cut leaves with its socket, a turn later
  other.socket.destroy()
  await eventually(() => expect(streams.size).toBe(0))
  streams.closeAll()
  server.close()
})
