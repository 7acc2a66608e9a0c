import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { createClient } from '../src/index.ts'
import { cut, problem, startScriptedServer, type Step } from './support/scripted-server.ts'

const event = (title: string, type = 'posts.post-created.v1') => JSON.stringify({ type, data: { title } })
const begin = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })

/** Says all of it, then ends or breaks off. */
const stream = (text: string, end: 'end' | 'destroy' = 'end'): Step => (response) => {
  begin(response).write(text, () => response[end]())
}

test('goes on after the last event, whether the stream ended, broke off or could not be opened', async () => {
  await using server = await startScriptedServer(
    stream(`retry: 10\n\nid: 4\n\nid: 5\ndata: ${event('a')}\n\n`),
    stream(`id: 6\ndata: ${event('b')}\n\nid: 7\ndata: ${event('half')}`, 'destroy'),
    cut,
    problem(503, 'OVERLOADED', { 'retry-after': '0' }),
    stream(`: hi\n\nid: 8\ndata: ${event('no', 'posts.post-deleted.v1')}\n\nid: 9\ndata: ${event('c')}\n\n`)
  )
  const seen: string[] = []
  for await (const { data, sequence } of createClient({ baseUrl: server.url }).events({
    types: ['posts.post-created.v1']
  })) {
    seen.push(`${sequence} ${data.title}`)
    if (seen.length === 3) break
  }
  expect(seen).toEqual(['5 a', '6 b', '9 c'])
  expect(server.heard.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '5', '6', '6', '6'])
})

test('a stream that ended before its first event is resumed from where it began', async () => {
  await using server = await startScriptedServer(
    stream('retry: 1\n\nid: 41\n\n'),
    stream(`id: 42\ndata: ${event('x')}\n\n`)
  )
  const { value } = await createClient({ baseUrl: server.url }).events().next()
  expect(value).toMatchObject({ sequence: 42 })
  expect(server.heard[1]!.headers['last-event-id']).toBe('41')
})

test('lines and characters that arrive in pieces are put together', async () => {
  const text = `id: 1\r\ndata: ${event('ä🦊')}\r\n\r\nid: 2\rdata: ${event('b')}\r\r`
  await using server = await startScriptedServer((response) => {
    begin(response)
    const bytes = [...Buffer.from(text)]
    const next = () => {
      if (bytes.length > 0) response.write(Buffer.from(bytes.splice(0, 1)), () => setImmediate(next))
      else response.end(': end\n\n')
    }
    next()
  })
  const seen: unknown[] = []
  for await (const { data } of createClient({ baseUrl: server.url }).events({ after: 0 })) {
    seen.push((data as { title: string }).title)
    if (seen.length === 2) break
  }
  expect(seen).toEqual(['ä🦊', 'b'])
})

test('ends with the signal, also while nothing comes, and closes its connection', async () => {
  let closed = false
  await using server = await startScriptedServer((response) => {
    begin(response).write(`id: 1\ndata: ${event('x')}\n\n`)
    response.on('close', () => { closed = true })
  })
  const leaving = new AbortController()
  const seen: number[] = []
  for await (const { sequence } of createClient({ baseUrl: server.url }).events({ signal: leaving.signal })) {
    seen.push(sequence)
    setTimeout(() => leaving.abort(), 20)
  }
  expect(seen).toEqual([1])
  await expect.poll(() => closed).toBe(true)
})

test('a refusal that waiting does not mend is thrown', async () => {
  await using server = await startScriptedServer(problem(401, 'TOKEN_REQUIRED'))
  await expect(createClient({ baseUrl: server.url }).events().next()).rejects.toMatchObject({ code: 'TOKEN_REQUIRED' })
})
