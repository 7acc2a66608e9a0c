import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface Received {
  method: string
  url: string
  headers: IncomingMessage['headers']
  rawHeaders: string[]
  body: Buffer
}

export interface TestUpstream {
  url: string
  port: number
  server: Server
  /** What arrived, without the probes. */
  received: Received[]
  sockets: Set<Socket>
  /** Answers every request that is no probe. */
  handler: RequestListener
  stop (): Promise<void>
}

/** A real HTTP server where a service would be. */
export async function startUpstream (
  { jwks = '', port = 0, host = '127.0.0.1' }: { jwks?: string, port?: number, host?: string } = {}
): Promise<TestUpstream> {
  const sockets = new Set<Socket>()
  const server = createServer({ keepAliveTimeout: 75_000 }, async (request, response) => {
    if (request.url === '/live') return response.end('{}')
    if (request.url === '/.well-known/jwks.json' && jwks) {
      return response.setHeader('content-type', 'application/json').end(jwks)
    }
    const body = await buffer(request).catch(() => Buffer.alloc(0))
    upstream.received.push({
      method: request.method!,
      url: request.url!,
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body
    })
    upstream.handler(request, response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')
  const upstream: TestUpstream = {
    port: (server.address() as AddressInfo).port,
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    server,
    sockets,
    received: [],
    handler: (_request, response) => { response.setHeader('content-type', 'application/json').end('{"ok":true}') },
    async stop () {
      server.closeAllConnections()
      server.close()
      if (server.listening) await once(server, 'close')
    }
  }
  return upstream
}
