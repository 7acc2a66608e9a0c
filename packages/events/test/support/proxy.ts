import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy that can keep what one side says from the other. */
export async function startProxy (targetPort: number) {
  const sockets = new Set<Socket>()
  let deaf = false
  let mute = false
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
    client.on('data', (chunk) => { if (!mute) upstream.write(chunk) })
    upstream.on('data', (chunk) => { if (!deaf) client.write(chunk) })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    /** What the client sends arrives, what the server says does not. */
    withhold () { deaf = true },
    /** What the client sends is lost. */
    swallow () { mute = true },
    /** Breaks every connection; new ones are whole again. */
    cut () {
      deaf = false
      mute = false
      for (const socket of sockets) socket.destroy()
    },
    async stop () {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
