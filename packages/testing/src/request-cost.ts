import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { systemCallsOf, whyNoSystemCalls } from './request-cost/system-calls.ts'

export { whyNoSystemCalls } from './request-cost/system-calls.ts'

/** What one request makes a process do. None of it depends on the machine's speed. */
export interface RequestCost {
  /** Allocated on V8's heap. */
  bytes: number
  promises: number
  /** Reactions of promises, and queueMicrotask. */
  microtasks: number
  /** process.nextTick. */
  ticks: number
  /** Without those for waiting and memory; NaN where they cannot be counted. */
  systemCalls: number
}

export interface Call {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string | undefined
}

/** The environment of a Node process that {@link costOf} can ask; `socket` is the path of a new Unix socket. */
export function probed (socket: string): Record<string, string> {
  const probe = fileURLToPath(new URL('./request-cost/probe.ts', import.meta.url))
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${probe}`, PROBE_SOCKET: socket }
}

/** Send the next request as soon as they are answered. */
const CALLERS = 16
/** Of the measured requests; counting promises and tracing slow a process down. */
const SHARE_TRACED = 1 / 8

export interface Measured {
  pid: number
  /** Of {@link probed}. */
  socket: string
}

/**
 * What a call costs a process, on average of so many after as many that do not count: meanwhile code is compiled.
 * Throws at any answer that is not 2xx.
 */
export async function costOf ({ pid, socket }: Measured, call: Call, requests: number): Promise<RequestCost> {
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS })
  const traced = Math.ceil(requests * SHARE_TRACED)
  try {
    await sendMany(call, requests, agent)
    const { bytes } = await counted(socket, 'bytes', () => sendMany(call, requests, agent))
    const queues = await counted(socket, 'queues', () => sendMany(call, traced, agent))
    const systemCalls = whyNoSystemCalls() === undefined
      ? await systemCallsOf(pid, () => sendMany(call, traced, agent))
      : NaN
    return {
      bytes: bytes! / requests,
      promises: queues.promises! / traced,
      microtasks: queues.microtasks! / traced,
      ticks: queues.ticks! / traced,
      systemCalls: systemCalls / traced
    }
  } finally {
    agent.destroy()
  }
}

async function counted (path: string, what: string, happens: () => Promise<void>): Promise<Record<string, number>> {
  const socket = connect(path)
  socket.write(what)
  await once(socket, 'data') // that it has begun
  await happens()
  socket.write('end')
  return JSON.parse(await text(socket))
}

async function sendMany (call: Call, count: number, agent: Agent): Promise<void> {
  let sent = 0
  await Promise.all(Array.from({ length: CALLERS }, async () => {
    while (sent++ < count) await send(call, agent)
  }))
}

async function send ({ url, method, headers, body }: Call, agent: Agent): Promise<void> {
  const outgoing = request(url, { method, headers, agent })
  outgoing.end(body)
  const [answer] = await once(outgoing, 'response')
  answer.resume()
  await once(answer, 'end')
  if (answer.statusCode < 200 || answer.statusCode > 299) throw new Error(`${method} ${url} was ${answer.statusCode}`)
}
