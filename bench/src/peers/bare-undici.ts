// What Node can do: node:http in front, undici behind, a map of verified tokens, one buffered log line. No safety at
// all.
import { createPublicKey, randomUUID, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { availableParallelism } from 'node:os'
import cluster from 'node:cluster'
import { Pool } from 'undici'
import { isPostBody } from './post-body.ts'

const { PORT, UPSTREAM, PUBLIC_KEY, MODE, CACHE } = process.env as Record<string, string>
const key = createPublicKey(PUBLIC_KEY!)
const pool = new Pool(UPSTREAM!, { connections: 128, pipelining: 1 })
const verified = new Map<string, string>()
let log = ''

function subjectOf (token: string) {
  const known = verified.get(token)
  if (known) return known
  const [head, body, signature] = token.split('.') as [string, string, string]
  if (
    !body || !signature || !verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))
  ) return undefined
  const { sub } = JSON.parse(Buffer.from(body, 'base64url').toString())
  if (CACHE) verified.set(token, sub)
  return sub as string
}

function serve (request: IncomingMessage, response: ServerResponse) {
  const subject = MODE === 'plain' ? 'nobody' : subjectOf((request.headers.authorization ?? '').slice(7))
  if (!subject) {
    response.writeHead(401).end()
    return
  }
  if (request.method === 'GET') return forward(request, response, subject, null)
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => { chunks.push(chunk) }).on('end', () => {
    const body = Buffer.concat(chunks)
    if (isPostBody(JSON.parse(body.toString()))) forward(request, response, subject, body)
    else response.writeHead(400).end()
  })
}

function forward (request: IncomingMessage, response: ServerResponse, subject: string, body: Buffer | null) {
  const id = randomUUID()
  pool.dispatch({
    path: request.url!,
    method: request.method as 'GET',
    headers: { 'x-user-id': subject, 'x-request-id': id, ...body && { 'content-type': 'application/json' } },
    body
  }, {
    onRequestStart () {},
    onResponseStart (_controller, status, headers) {
      response.writeHead(status, { 'content-type': headers['content-type'] as string, 'x-request-id': id })
    },
    onResponseData (_controller, chunk) {
      response.write(chunk)
    },
    onResponseEnd () {
      response.end()
      if (MODE !== 'plain') {
        log += `${
          JSON.stringify({ time: Date.now(), method: request.method, url: request.url, status: response.statusCode })
        }\n`
      }
    },
    onResponseError () { response.destroy() }
  })
}

const processes = MODE === 'two processes' ? Math.min(2, availableParallelism()) : 1
if (cluster.isPrimary && processes > 1) for (let i = 0; i < processes; i++) cluster.fork()
else {
  setInterval(() => {
    process.stdout.write(log)
    log = ''
  }, 100)
  createServer(serve).listen({
    port: Number(PORT),
    host: '127.0.0.1',
    reusePort: processes > 1,
    exclusive: processes > 1
  })
}
