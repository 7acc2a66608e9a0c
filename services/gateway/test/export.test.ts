import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, startGateway, type TestGateway, USER_ID, uuid7 } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
  gateway.upstream.handler = (request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(pageOf(request)))
  }
})
afterAll(async () => {
  await gateway.stop()
})

/** A list of posts without end: an export goes on for as long as somebody takes it. */
function pageOf ({ url }: IncomingMessage) {
  const endless = url!.startsWith('/api/posts')
  return { id: USER_ID, items: endless ? ['x'.repeat(1_000_000)] : [], nextCursor: endless ? 'more' : null }
}

/** The answer, of which nothing is read, on a connection of its own. */
async function exportAs (sub: string): Promise<IncomingMessage> {
  const request = get(`${gateway.url}/api/auth/me/export`, {
    agent: false,
    headers: { authorization: `Bearer ${accessToken({ sub })}` }
  })
  const [answer] = await once(request, 'response')
  return answer
}

test('a user with a slow export gets no second one, and takes no place from others', async () => {
  const [slow, other] = [uuid7(), uuid7()]
  const held = await exportAs(slow)
  expect(held.statusCode).toBe(200)
  for (let i = 0; i < 10; i++) {
    const { statusCode, headers } = await exportAs(slow)
    expect([statusCode, headers['retry-after']]).toEqual([429, '5'])
  }
  const others = await exportAs(other)
  expect(others.statusCode).toBe(200)
  for (const answer of [held, others]) answer.destroy()
  await eventually(async () => {
    const again = await exportAs(slow)
    again.destroy()
    expect(again.statusCode).toBe(200)
  })
})
