import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server of this machine that takes so many milliseconds in each direction. */
export async function startSlowLine (targetPort: number, delayMs: number) {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1')
    for (const [from, to] of [[client, target], [target, client]] as const) {
      sockets.add(from)
      from.on('data', (chunk) => { setTimeout(() => to.write(chunk), delayMs) })
      from.on('error', () => {}) // the other end closes too
      from.on('close', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop () {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}
