import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

let auth: AuthServer
let smtp: Server
const received: string[] = []
let refusals = 1

/** The smallest SMTP server that takes a mail; it refuses the first. */
function serve (socket: Socket) {
  let data = ''
  let reading = false
  socket.write('220 here\r\n')
  socket.on('data', (chunk) => {
    data += chunk
    for (let end = data.indexOf('\r\n'); end >= 0; end = data.indexOf('\r\n')) {
      if (reading) {
        const stop = data.indexOf('\r\n.\r\n')
        if (stop < 0) return
        received.push(data.slice(0, stop))
        data = data.slice(stop + 5)
        reading = false
        socket.write('250 taken\r\n')
        continue
      }
      const line = data.slice(0, end)
      data = data.slice(end + 2)
      if (/^DATA/i.test(line) && refusals-- > 0) socket.write('451 not now\r\n')
      else if (/^DATA/i.test(line)) {
        reading = true
        socket.write('354 go on\r\n')
      } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n')
      else socket.write('250 fine\r\n')
    }
  })
  socket.on('error', () => socket.destroy())
}

beforeAll(async () => {
  smtp = createServer(serve).listen(0, '127.0.0.1')
  await once(smtp, 'listening')
  const { port } = smtp.address() as { port: number }
  auth = await startAuth({ SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Gatepost <post@example.test>' })
})
afterAll(async () => {
  await auth.close()
  smtp.close()
})

test('a mail goes through SMTP as text and HTML, and one that was refused goes later', async () => {
  const { email } = await auth.register()
  await expect.poll(() => auth.sql('SELECT attempts, last_error FROM jobs'), { timeout: 10_000 }).toEqual([{ attempts: 1, last_error: expect.stringContaining('451') }])
  expect(received).toEqual([])
  await auth.sql('UPDATE jobs SET run_at = now()')
  await expect.poll(() => received.length, { timeout: 15_000 }).toBe(1)
  expect(received[0]).toContain(`To: ${email}`)
  expect(received[0]).toContain('From: Gatepost <post@example.test>')
  expect(received[0]).toMatch(/text\/plain[^]*text\/html/)
  await expect.poll(() => auth.sql('SELECT * FROM jobs')).toEqual([])
})
