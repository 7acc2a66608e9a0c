import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** The smallest SMTP server that takes mails. A test can change its answers and switch it off. */
export async function startSmtpServer () {
  const sockets = new Set<Socket>()
  const smtp = {
    port: 0,
    received: [] as string[],
    connections: 0,
    /** The answer to a command in place of the usual one; undefined for the usual one. */
    refuse: (_command: string): string | undefined => undefined,
    /** Runs before a mail is taken. */
    hold: async () => {},
    async up () {
      server = createServer(serve).listen(smtp.port, '127.0.0.1')
      await once(server, 'listening')
      smtp.port = (server.address() as AddressInfo).port
    },
    async down () {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
  let server: Server

  function serve (socket: Socket) {
    let [data, reading] = ['', false]
    smtp.connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    socket.write('220 here\r\n')
    socket.on('data', async (chunk) => {
      data += chunk
      for (let end = data.indexOf('\r\n'); end >= 0; end = data.indexOf('\r\n')) {
        if (reading) {
          const stop = data.indexOf('\r\n.\r\n')
          if (stop < 0) return
          const mail = data.slice(0, stop)
          ;[data, reading] = [data.slice(stop + 5), false]
          await smtp.hold()
          smtp.received.push(mail)
          socket.write('250 taken\r\n')
          continue
        }
        const line = data.slice(0, end)
        data = data.slice(end + 2)
        const refusal = smtp.refuse(line)
        if (refusal) socket.write(`${refusal}\r\n`)
        else if (/^DATA/i.test(line)) {
          reading = true
          socket.write('354 go on\r\n')
        } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n')
        else socket.write('250 fine\r\n')
      }
    })
  }
  await smtp.up()
  return smtp
}
