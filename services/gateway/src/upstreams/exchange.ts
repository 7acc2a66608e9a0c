import type { Dispatcher } from 'undici'
import { faultOf } from './faults.ts'
import type { Instance } from './instance.ts'
import type { Failure, Upstream } from './upstream.ts'

export interface Call {
  method: string
  path: string
  /** Names and values in turn. */
  headers: string[]
  body?: Buffer
  /** From now until the end of the answer, without the time in which its receiver held it back. */
  timeoutMs: number
}

/** The receiver of the answer. Exactly one of `onEnd` and `onFailure` comes last, unless the exchange was cancelled. */
export interface Receiver {
  /** Names and values in turn, as they came. */
  onHeaders (status: number, headers: readonly Buffer[]): void
  /** False: nothing more until {@link Exchange.resume}. */
  onData (chunk: Buffer): boolean
  onEnd (): void
  onFailure (failure: Failure): void
}

const MAX_ATTEMPTS = 3
/** Refusals come at once, and behind one address may be hosts that refuse and hosts that do not. */
const MAX_REFUSED_ATTEMPTS = 5
/** Before the second attempt at the same instance; it doubles. */
const PAUSE_MS = 10
/** More than this at one instance is a queue that nobody gets out of in time. */
const MAX_IN_FLIGHT = 4096
/** Answers that may tell the length of a body that they never have (RFC 9110 8.6); undici waits for it. */
const NO_BODY = new Set([204, 304])
const NONE: readonly Instance[] = []
const CANCELLED = new Error('the call was given up')

/**
 * One call to a service, repeated where that is safe: at other instances first.
 *
 * It has the methods that undici 7 calls by itself, and not those of its newer interface, which it puts an object in
 * between for; and when it is over it lets go of everything. Else calls can become a chain in which each keeps the next
 * from being collected while young, and collections take 25 ms, not 1.5 (docs/adr/0059-calls-that-are-let-go.md).
 */
export class Exchange implements Dispatcher.DispatchHandler {
  attempts = 0
  instance: Instance | undefined
  private readonly upstream: Upstream
  private tried: readonly Instance[] = NONE
  private timer: NodeJS.Timeout
  /** The deadline; while the receiver holds the answer back, the time that is left. */
  private deadline: number
  /** Of the last attempt, which is at its instance or over. */
  private began = 0
  private underWay = false
  /** Of the answer, once there is one. */
  private status = 0
  /** This member and those below are set until the exchange is over. */
  private call: Call | undefined
  private receiver: Receiver | undefined
  /** Since the first byte was about to be written. */
  private abort: ((reason: Error) => void) | undefined
  /** Since the headers of the answer came. */
  private goOn: (() => void) | undefined

  constructor (upstream: Upstream, call: Call, receiver: Receiver) {
    this.upstream = upstream
    this.call = call
    this.receiver = receiver
    const now = performance.now()
    this.deadline = now + call.timeoutMs
    this.timer = setTimeout(onTimeout, call.timeoutMs, this)
    upstream.retries.deposit()
    upstream.tally.calls++
    this.attempt(now, upstream.pick(this.tried, now))
  }

  private attempt (now: number, instance: Instance | undefined) {
    this.abort = undefined
    if (instance === undefined) return this.fail('unreachable')
    if (instance.inFlight >= MAX_IN_FLIGHT) return this.fail('overloaded')
    this.instance = instance
    this.began = now
    this.underWay = true
    this.attempts++
    instance.inFlight++
    instance.pool.dispatch(this.call as Dispatcher.DispatchOptions, this)
  }

  /** Called just before the first byte is written; a call that never got here has left no trace. */
  onConnect (abort: (reason?: Error) => void) {
    if (this.receiver === undefined) return abort(CANCELLED)
    this.abort = abort
  }

  onHeaders (status: number, headers: Buffer[], goOn: () => void) {
    if (this.receiver === undefined || status < 200) return true
    this.status = status
    this.goOn = goOn
    this.receiver.onHeaders(status, headers)
    return true
  }

  onData (chunk: Buffer) {
    if (this.receiver === undefined || chunk.length === 0) return true // undici goes on with an empty chunk
    const flows = this.receiver.onData(chunk)
    if (!flows) this.holdBack()
    return flows
  }

  /** A receiver that is slow does not make the service late. */
  private holdBack () {
    clearTimeout(this.timer)
    this.deadline -= performance.now()
  }

  onComplete () {
    this.leave()
    if (this.receiver !== undefined) this.upstream.noteAnswer(this.instance!, this.status, this.began)
    this.finish()?.onEnd()
  }

  onError (error: Error & { code?: string }) {
    if (NO_BODY.has(this.status) && error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return this.onComplete()
    this.leave()
    if (this.receiver === undefined) return
    if (error.code === 'UND_ERR_INVALID_ARG') return this.fail('broken')
    const sent = this.abort !== undefined
    const fault = sent ? 'broken' : faultOf(error)
    if (fault === 'local') {
      this.upstream.noteStarved(error)
      return this.fail('overloaded')
    }
    if (fault === 'refused') this.upstream.noteRefusal(this.instance!)
    else this.upstream.noteFailure(this.instance!, this.began)
    const most = error.code === 'ECONNREFUSED' ? MAX_REFUSED_ATTEMPTS : MAX_ATTEMPTS
    if (this.status > 0 || this.attempts >= most || !this.mayRepeat(sent)) {
      return this.fail(fault === 'refused' ? 'unreachable' : 'broken')
    }
    this.repeat()
  }

  /** At an instance that was not tried yet, or after a pause at any. */
  private repeat () {
    this.upstream.tally.repeats++
    this.tried = [...this.tried, this.instance!]
    const now = performance.now()
    const other = this.upstream.pick(this.tried, now)
    if (other !== undefined) return this.attempt(now, other)
    this.tried = NONE
    setTimeout(again, PAUSE_MS * 2 ** (this.attempts - 1), this)
  }

  again () {
    if (this.receiver === undefined) return
    const now = performance.now()
    this.attempt(now, this.upstream.pick(this.tried, now))
  }

  /**
   * An unsent call can always be repeated. A sent one may have had its effect, so only reads are repeated, within the
   * budget.
   */
  private mayRepeat (sent: boolean) {
    if (!sent) return true
    return (this.call!.method === 'GET' || this.call!.method === 'HEAD') && this.upstream.retries.withdraw()
  }

  private leave () {
    this.instance!.inFlight--
    this.underWay = false
  }

  resume () {
    if (this.receiver === undefined) return
    this.timer = setTimeout(onTimeout, this.deadline, this)
    this.deadline += performance.now()
    this.goOn!()
  }

  /** Gives the call up: its caller needs no answer any more. */
  cancel () {
    if (this.receiver === undefined) return
    const { abort } = this
    this.finish()
    abort?.(CANCELLED)
  }

  timedOut () {
    if (this.receiver === undefined) return
    const { abort } = this
    if (this.underWay) this.upstream.noteFailure(this.instance!, this.began)
    this.fail('timeout')
    abort?.(CANCELLED)
  }

  private fail (failure: Failure) {
    this.upstream.tally.failures[failure]++
    this.finish()?.onFailure(failure)
  }

  /** Drops all references; returns the receiver, if it still waits for the end. */
  private finish () {
    const { receiver } = this
    clearTimeout(this.timer)
    this.call = this.receiver = this.abort = this.goOn = undefined
    return receiver
  }
}

function onTimeout (exchange: Exchange) {
  exchange.timedOut()
}

function again (exchange: Exchange) {
  exchange.again()
}
