import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

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

export const post = { id: 'p', authorId: 'a', title: 't', content: 'c', version: 1, createdAt: 'x', updatedAt: 'x' }

let sessions = 0

/** A session as auth answers it, each with tokens of its own. */
export function session ({ sessionId = `session-${process.pid}-${sessions}`, expiresIn = 600 } = {}) {
  sessions++
  return {
    user: { id: 'u', email: 'e', emailVerified: true, displayName: 'd', role: 'user' as const, createdAt: 'x' },
    accessToken: `access-${sessions}`,
    tokenType: 'Bearer' as const,
    expiresIn,
    refreshToken: `refresh-${sessions}`,
    sessionId
  }
}
