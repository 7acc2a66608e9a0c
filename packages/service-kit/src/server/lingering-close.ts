import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const TOTAL_MS = 5_000
const IDLE_MS = 2_000
const MAX_BYTES = 16 * 2 ** 20
const MAX_SOCKETS = 256

/**
 * Closes connections as RFC 9112 section 9.6 asks for: where the client may still send, the server's half first; then
 * it reads on and throws away, for a bounded time and amount. A plain close makes the kernel answer what still arrives
 * with a reset, which takes the answer away from a client that has not read it yet.
 *
 * Node ends a connection by `socket.destroySoon()` when an answer said `Connection: close`.
 */
export function lingerBeforeClose (server: Server, mayStillSend: (socket: Socket) => boolean): void {
  let lingering = 0
  server.on('connection', (socket: Socket) => {
    socket.destroySoon = () => {
      delete (socket as Partial<Socket>).destroySoon // the method of the class again
      if (socket.destroyed || lingering >= MAX_SOCKETS || !mayStillSend(socket)) return socket.destroySoon()
      lingering++
      socket.once('close', () => { lingering-- })
      linger(socket)
    }
  })
}

function linger (socket: Socket) {
  let bytes = 0
  socket.removeAllListeners('data') // Node's parser: nothing on this connection is a request any more
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_BYTES) socket.destroy()
  })
  socket.setTimeout(IDLE_MS, () => { socket.destroy() })
  const end = setTimeout(() => { socket.destroy() }, TOTAL_MS)
  socket.once('close', () => { clearTimeout(end) })
  socket.end()
  socket.resume()
}
