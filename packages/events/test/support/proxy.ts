import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy whose answers can be withheld: what the client sent arrives, what the server says does not. */
export async function startProxy (targetPort: number) {
  const sockets = new Set<Socket>()
  let deaf = false
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on('data', (chunk) => { if (!deaf) client.write(chunk) })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    withhold () { deaf = true },
    /** Breaks every connection; new ones are whole again. */
    cut () {
      deaf = false
      for (const socket of sockets) socket.destroy()
    },
    async stop () {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
