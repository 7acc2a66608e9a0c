import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A proxy to a server of this machine that counts, loses and withholds bytes, and can be cut. */
export async function startTcpProxy (targetPort: number) {
  const sockets = new Set<Socket>()
  let [closed, deaf, mute, messages] = [false, false, false, 0]
  const server = createServer((client) => {
    if (closed) return client.destroy()
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {}) // the other end closes too, and no more is to do
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        target.destroy()
      })
    }
    client.on('data', (chunk) => {
      messages++
      if (!mute) target.write(chunk)
    })
    target.on('data', (chunk) => { if (!deaf) client.write(chunk) })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const breakAll = () => { for (const socket of sockets) socket.destroy() }
  return {
    port: (server.address() as AddressInfo).port,
    /** Number of the clients' messages; each waits for an answer. */
    messages: () => messages,
    /** The client's bytes arrive; the server's do not. */
    withhold () { deaf = true },
    /** The client's bytes are lost. */
    swallow () { mute = true },
    /** Breaks every connection; new ones are whole again. */
    cut () {
      deaf = mute = false
      breakAll()
    },
    /** Breaks every connection and refuses new ones until `open`. */
    close () {
      closed = true
      breakAll()
    },
    open () { closed = false },
    async stop () {
      breakAll()
      server.close()
      await once(server, 'close')
    }
  }
}
