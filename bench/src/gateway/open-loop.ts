// A process of its own, so that nothing else delays it: sends the requests that a file describes in time, over
// connections that stay open, and writes what it saw as JSON. A request that finds no free connection waits, and its
// waiting counts.
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Load, Measured } from './load.ts'

const { url, method, headers, body = '', tokens, connections, seconds, rate, warmUpMs } = JSON
  .parse(readFileSync(process.argv[2]!, 'utf8')) as Load & { rate: number, warmUpMs: number }
const { hostname, port, pathname, search } = new URL(url)
const requestOf = (headers: Record<string, string>) =>
  Buffer.from([
    `${method} ${pathname}${search} HTTP/1.1`,
    `host: ${hostname}:${port}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...body ? [`content-length: ${Buffer.byteLength(body)}`] : [],
    '',
    body
  ].join('\r\n'))
const requests = tokens?.map((token) => requestOf({ ...headers, authorization: `Bearer ${token}` })) ??
  [requestOf(headers)]
let turn = 0

/** Requests are due in a bunch each millisecond: what a timer can do. */
const TICK_MS = 1

const free: Connection[] = []
const waiting: number[] = []
const took: number[] = []
let errors = 0
let answered = 0
let begun = 0

/** One HTTP/1.1 connection with one request at a time; its server gives each answer a length, or sends it in chunks. */
class Connection {
  private readonly socket: Socket
  private due = 0
  private head = ''
  private missing = -1

  constructor (socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true).on('data', (chunk) => this.read(chunk)).on('close', () => {
      errors++
      open()
    }).on('error', () => {})
  }

  send (due: number) {
    this.due = due
    this.socket.write(requests[turn++ % requests.length]!)
  }

  private read (chunk: Buffer) {
    if (this.missing < 0) {
      this.head += chunk.toString('latin1')
      const end = this.head.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.head)
      // A chunked answer ends with an empty chunk, and none of those that come here has such bytes inside.
      this.missing = length
        ? Number(length[1]) - (this.head.length - end - 4)
        : this.head.endsWith('\r\n0\r\n\r\n')
          ? 0
          : Infinity
    } else if (this.missing === Infinity) {
      if (chunk.toString('latin1').endsWith('0\r\n\r\n')) this.missing = 0
    } else this.missing -= chunk.length
    if (this.missing === 0) this.finish()
  }

  private finish () {
    if (!/^HTTP\/1\.1 2/.test(this.head)) errors++
    if (this.due >= begun + warmUpMs) {
      took.push(performance.now() - this.due)
      answered++
    }
    this.head = ''
    this.missing = -1
    const next = waiting.shift()
    if (next === undefined) free.push(this)
    else this.send(next)
  }
}

function open () {
  const socket = connect(Number(port), hostname)
  socket.once('connect', () => { free.push(new Connection(socket)) }).once('error', () => { errors++ })
}

for (let i = 0; i < connections; i++) {
  open()
  // A burst of all of them would overflow the server's backlog.
  if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 20))
}
for (const deadline = performance.now() + 5000; free.length < connections && performance.now() < deadline;) {
  await new Promise((resolve) => setTimeout(resolve, 10))
}

begun = performance.now()
const end = begun + warmUpMs + seconds * 1000
let sent = 0
for (let tick = begun; tick < end; tick += TICK_MS) {
  while (performance.now() < tick) await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  for (const due = (tick - begun) * rate / 1000; sent < due; sent++) {
    // In turn, so that all connections carry some of it.
    const connection = free.shift()
    if (connection) connection.send(tick)
    else waiting.push(tick)
  }
}
const measuredSeconds = (performance.now() - begun - warmUpMs) / 1000
await new Promise((resolve) => setTimeout(resolve, 300))
errors += waiting.length
took.sort((a, b) => a - b)
const percentile = (share: number) => took[Math.floor(took.length * share)] ?? NaN
const result: Measured = {
  requestsPerSecond: answered / measuredSeconds,
  p50: percentile(0.5),
  p99: percentile(0.99),
  errors
}
process.stdout.write(JSON.stringify(result), () => process.exit())
