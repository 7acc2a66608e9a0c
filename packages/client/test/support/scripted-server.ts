import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SessionSchema, type Session } from '@gatepost/contracts/auth/schemas'
import { exampleOf } from '@gatepost/contracts/openapi-examples'
import { PostSchema, type Post } from '@gatepost/contracts/posts/schemas'

export interface Heard {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
  at: number
}

export type Step = (response: ServerResponse, heard: Heard) => void

/** A server that plays the API on a bad day: one step for each request, the last one again and again. */
export async function startScriptedServer (...steps: Step[]) {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request
    const one = { method: method!, url: url!, headers, body: await text(request), at: performance.now() }
    heard.push(one)
    const step = steps.length > 1 ? steps.shift()! : steps[0]!
    step(response, one)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    async [Symbol.asyncDispose] () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Step => (response) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

export const problem = (status: number, code: string, headers: Record<string, string> = {}): Step =>
  json(
    status,
    { type: `/problems/${code}`, title: code, status, detail: 'x', code, instance: '/', requestId: '12345678' },
    { 'content-type': 'application/problem+json', ...headers }
  )

/** The request arrives, and no answer comes back. */
export const cut: Step = (response) => { response.destroy() }

export const post = { ...exampleOf(PostSchema) as Post, id: 'p' }

let sessions = 0

/** A session as auth answers it, each with tokens of its own. */
export function session ({ sessionId = `session-${process.pid}-${sessions}`, expiresIn = 600 } = {}): Session {
  sessions++
  return {
    ...exampleOf(SessionSchema) as Session,
    accessToken: `access-${sessions}`,
    expiresIn,
    refreshToken: `refresh-${sessions}`,
    sessionId
  }
}
