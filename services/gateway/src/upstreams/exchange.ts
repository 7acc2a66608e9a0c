import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { brokeOff, recordFailure, recordSuccess, type Instance } from './instance.ts'
import type { Failure, Upstream } from './upstream.ts'

export interface Call {
  method: string
  path: string
  /** Names and values in turn. */
  headers: string[]
  body?: Buffer
  /** From now until the end of the answer; none for an answer without an end. */
  timeoutMs: number
}

/** Who receives the answer. Exactly one of `onEnd` and `onFailure` comes last, unless the exchange was cancelled. */
export interface Receiver {
  onHeaders (status: number, headers: IncomingHttpHeaders): void
  /** False: nothing more until {@link Exchange.resume}. */
  onData (chunk: Buffer): boolean
  onEnd (): void
  onFailure (failure: Failure): void
}

const MAX_ATTEMPTS = 3
/** More than this at one instance is a queue that nobody gets out of in time. */
const MAX_IN_FLIGHT = 4096
/** Answers that may tell the length of a body that they never have (RFC 9110 8.6); undici waits for it. */
const NO_BODY = new Set([204, 304])
const CANCELLED = new Error('the call was given up')

/** One call to a service, over as many instances as it takes: at most three, and only where a repetition is safe. */
export class Exchange implements Dispatcher.DispatchHandler {
  attempts = 0
  instance: Instance | undefined
  private readonly upstream: Upstream
  private readonly call: Call
  private readonly receiver: Receiver
  private readonly tried: Instance[] = []
  private readonly timer: NodeJS.Timeout
  private controller: Dispatcher.DispatchController | undefined
  /** Of the answer, once there is one. */
  private status = 0
  private over = false

  constructor (upstream: Upstream, call: Call, receiver: Receiver) {
    this.upstream = upstream
    this.call = call
    this.receiver = receiver
    this.timer = setTimeout(onTimeout, call.timeoutMs, this)
    upstream.retries.deposit()
    upstream.tally.calls++
    this.attempt()
  }

  private attempt () {
    const instance = this.upstream.pick(this.tried)
    if (instance === undefined) return this.fail('unreachable')
    if (instance.inFlight >= MAX_IN_FLIGHT) return this.fail('overloaded')
    this.instance = instance
    this.attempts++
    this.controller = undefined
    instance.inFlight++
    instance.pool.dispatch(this.call as Dispatcher.DispatchOptions, this)
  }

  /** Called just before the first byte is written; a call that never got here has left no trace. */
  onRequestStart (controller: Dispatcher.DispatchController) {
    if (this.over) return controller.abort(CANCELLED)
    this.controller = controller
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders) {
    if (this.over || status < 200) return
    this.status = status
    this.receiver.onHeaders(status, headers)
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer) {
    if (!this.over && !this.receiver.onData(chunk)) controller.pause()
  }

  onResponseEnd () {
    this.instance!.inFlight--
    recordSuccess(this.instance!)
    if (this.over) return
    this.finish()
    this.receiver.onEnd()
  }

  onResponseError (_controller: Dispatcher.DispatchController | null, error: Error & { code?: string }) {
    if (NO_BODY.has(this.status) && error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return this.onResponseEnd()
    const instance = this.instance!
    instance.inFlight--
    if (this.over) return
    if (error.code === 'UND_ERR_INVALID_ARG') return this.fail('broken')
    const sent = this.controller !== undefined
    const connected = sent || brokeOff(error)
    recordFailure(instance, connected)
    if (this.status > 0 || this.attempts >= MAX_ATTEMPTS || !this.mayRepeat(sent)) return this.fail(connected ? 'broken' : 'unreachable')
    this.tried.push(instance)
    this.upstream.tally.repeats++
    if (connected && this.upstream.pick(this.tried) === undefined) this.tried.length = 0 // the only one, and it was there a moment ago
    this.attempt()
  }

  /** What was not sent can be repeated whatever it is; what was may have had its effect, so only reads are, in the budget. */
  private mayRepeat (sent: boolean) {
    if (!sent) return true
    return (this.call.method === 'GET' || this.call.method === 'HEAD') && this.upstream.retries.withdraw()
  }

  resume () {
    this.controller?.resume()
  }

  /** Nobody waits for the answer any more. */
  cancel () {
    if (this.over) return
    this.finish()
    this.controller?.abort(CANCELLED)
  }

  timedOut () {
    if (this.over) return
    recordFailure(this.instance!, true)
    this.fail('timeout')
    this.controller?.abort(CANCELLED)
  }

  private fail (failure: Failure) {
    this.finish()
    this.upstream.tally.failures[failure]++
    this.receiver.onFailure(failure)
  }

  private finish () {
    this.over = true
    clearTimeout(this.timer)
  }
}

function onTimeout (exchange: Exchange) {
  exchange.timedOut()
}
