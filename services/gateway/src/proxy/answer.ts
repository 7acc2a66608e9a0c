import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { UpstreamBrokenError, upstreamProblem } from '../errors.ts'
import { Exchange, type Call, type Receiver } from '../upstreams/exchange.ts'
import type { Failure, Upstream } from '../upstreams/upstream.ts'
import type { ResponseHeaders } from './response-headers.ts'

export interface ProxyCall extends Call {
  upstream: Upstream
  /** See {@link responseHeadersOf}. */
  filter: ResponseHeaders
}

/** Calls a service for a request and forwards its answer, or sends a problem that says why there is none. */
export function answer (request: FastifyRequest, reply: FastifyReply, call: ProxyCall) {
  request.exchange = new Answer(reply, call).exchange
}

const BROKEN = 502

/**
 * Takes a service's answer straight from undici's parser to the client's socket: no stream in between, one write for
 * an answer that came in one piece.
 */
class Answer implements Receiver {
  readonly exchange: Exchange
  private readonly reply: FastifyReply
  private readonly raw: ServerResponse
  private readonly filter: ProxyCall['filter']
  private status = 0
  private headers: string[] = []
  private first: Buffer | undefined
  private started = false
  private failed = false

  constructor (reply: FastifyReply, call: ProxyCall) {
    this.reply = reply
    this.raw = reply.raw
    this.filter = call.filter
    this.exchange = new Exchange(call.upstream, call, this)
  }

  onHeaders (status: number, headers: readonly Buffer[]) {
    const passed = this.filter(this.reply, status, headers)
    if (passed === undefined) return this.refuse()
    this.status = status
    this.headers = passed
  }

  onData (chunk: Buffer) {
    if (this.failed) return true
    if (this.started) return this.write(chunk)
    if (this.first === undefined) {
      this.first = chunk
      return true
    }
    this.start()
    this.raw.write(this.first)
    return this.write(chunk)
  }

  private write (chunk: Buffer) {
    const flows = this.raw.write(chunk)
    if (!flows) this.raw.once('drain', () => this.exchange.resume())
    return flows
  }

  onEnd () {
    if (this.failed) return
    if (this.started) return this.raw.end()
    this.start()
    if (this.first === undefined) this.raw.end()
    else this.raw.end(this.first)
  }

  onFailure (failure: Failure) {
    if (this.failed) return
    this.failed = true
    if (this.started) this.breakOff()
    else this.reply.send(upstreamProblem(failure))
  }

  /**
   * Half an answer must not look like a whole one. The status is for logs and metrics: the client did not leave.
   */
  private breakOff () {
    this.raw.statusCode = BROKEN
    this.raw.socket?.resetAndDestroy()
  }

  private refuse () {
    this.failed = true
    this.exchange.cancel()
    this.reply.send(new UpstreamBrokenError())
  }

  private start () {
    this.started = true
    const { reply } = this
    reply.hijack()
    const { headers } = this
    const own = reply.getHeaders()
    for (const name in own) headers.push(name, String(own[name]))
    if (reply.server.lifecycle.draining && own.connection === undefined) headers.push('connection', 'close')
    this.raw.writeHead(this.status, headers)
  }
}
