import * as http from 'node:http'
import * as https from 'node:https'
import { text } from 'node:stream/consumers'

interface DirectAnswer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
}

/**
 * Gets a small document from another of our processes, past every proxy. `fetch` and Node's global agents take the
 * proxy of the environment with NODE_USE_ENV_PROXY, and an outside proxy cannot reach our processes. Redirects are not
 * followed.
 */
export async function directGet (url: string, { timeoutMs }: { timeoutMs: number }): Promise<DirectAnswer> {
  const { get } = url.startsWith('https:') ? https : http
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, resolve).on('error', reject)
  const answer = await promise
  return { status: answer.statusCode!, headers: answer.headers, body: await text(answer) }
}
