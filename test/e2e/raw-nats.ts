import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawMessage {
  subject: string
  headers: string
  body: string
}

/**
 * A NATS client in forty lines of the protocol's text, so that what a stranger's client sees is tested and not what our
 * library makes of it.
 */
export class RawSubscriber {
  readonly messages: RawMessage[] = []
  readonly errors: string[] = []
  readonly #socket: Socket
  #buffer = Buffer.alloc(0)

  private constructor (socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      while (this.#read()) { /* as many protocol lines as have arrived */ }
    })
  }

  static async connect (url: string, subject: string) {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    const subscriber = new RawSubscriber(socket)
    socket
      .write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"protocol":1,"lang":"raw","version":"1"}\r\n')
    if (subject) socket.write(`SUB ${subject} 1\r\n`)
    return subscriber
  }

  send (text: string) {
    this.#socket.write(text)
  }

  close () {
    this.#socket.destroy()
  }

  #read () {
    const end = this.#buffer.indexOf('\r\n')
    if (end < 0) return false
    const [verb, subject, ...rest] = this.#buffer.toString('latin1', 0, end).split(' ')
    const isMessage = verb === 'MSG' || verb === 'HMSG'
    const total = isMessage ? Number(rest.at(-1)) : 0
    const size = end + 2 + (isMessage ? total + 2 : 0)
    if (this.#buffer.length < size) return false
    if (isMessage) {
      const headerSize = verb === 'HMSG' ? Number(rest.at(-2)) : 0
      const start = end + 2
      this.messages.push({
        subject: subject!,
        headers: this.#buffer.toString('utf8', start, start + headerSize),
        body: this.#buffer.toString('utf8', start + headerSize, start + total)
      })
    } else if (verb === 'PING') this.#socket.write('PONG\r\n')
    else if (verb === '-ERR') this.errors.push(this.#buffer.toString('utf8', 0, end))
    this.#buffer = this.#buffer.subarray(size)
    return true
  }
}
