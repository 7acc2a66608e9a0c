import { calls } from '../contract.ts'
import { attempt, type Fetch } from './attempt.ts'
import { deadlineIn, scopeOf, timeoutFrom } from './deadline.ts'
import { NetworkError } from './errors.ts'
import { type AnyInput, requestOf } from './request.ts'
import { withRetries } from './retry.ts'

export interface TransportOptions {
  /** Where the gateway is: `https://api.example.org`. */
  baseUrl: string
  /** Milliseconds for a call with all its attempts and waits; `Infinity` for no limit. Default 30,000. */
  timeoutMs?: number
  /** Headers for every request, such as `traceparent`. */
  headers?: Record<string, string>
  /** Default: the platform's. */
  fetch?: Fetch
}

/** Sends with a token, and may send again with another one. */
export type Authorize = <Result>(
  send: (token: string | undefined) => Promise<Result>,
  signal: AbortSignal
) => Promise<Result>

export interface InvokeOptions<Result> {
  authorize: Authorize
  /** Works with the answer. */
  use: (response: Response) => Promise<Result>
  /** Whether it is repeated when it fails. Default: what changes nothing, or has an idempotency key. */
  repeat?: boolean
  /** Milliseconds for one attempt. */
  attemptMs?: number
}

export type Transport = ReturnType<typeof createTransport>

const DEFAULT_TIMEOUT_MS = 30_000
/** An attempt lasts as long as the gateway would wait, and the way there and back. */
const WAY_MS = 5_000

/** Operations as requests: within a time, cancelled by a signal, repeated where that is safe. */
export function createTransport ({
  baseUrl,
  timeoutMs: defaultTimeoutMs = DEFAULT_TIMEOUT_MS,
  headers,
  fetch = (url, init) => globalThis.fetch(url, init)
}: TransportOptions) {
  timeoutFrom(defaultTimeoutMs)
  const root = new URL(baseUrl).href.replace(/\/+$/, '')

  return async function invoke<Result> (
    id: string,
    input: AnyInput,
    { authorize, use, repeat, attemptMs }: InvokeOptions<Result>
  ): Promise<Result> {
    const call = calls[id]!
    const timeoutMs = timeoutFrom(input.timeoutMs ?? defaultTimeoutMs)
    const request = requestOf(root, call, { ...input, headers: { ...headers, ...input.headers } })
    const deadline = deadlineIn(timeoutMs)
    const { controller, leave } = scopeOf(input.signal)
    const { signal } = controller
    const late = new NetworkError('timeout', `not done within ${timeoutMs} ms: ${call.method} ${call.path}`)
    const timer = timeoutMs === Infinity ? undefined : setTimeout(() => controller.abort(late), timeoutMs)

    const send = (token: string | undefined) =>
      attempt(token === undefined ? request : withToken(request, token), {
        fetch,
        answers: call.answers,
        signal,
        timeoutMs: attemptMs ?? call.timeoutMs + WAY_MS
      }, use)
    const work = () => authorize(send, signal)
    try {
      return await (repeat ?? (call.method === 'GET' || call.keyed)
        ? withRetries(work, { deadline, signal })
        : work())
    } finally {
      clearTimeout(timer)
      leave()
    }
  }
}

function withToken<Request extends { headers: Record<string, string> }> (request: Request, token: string): Request {
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }
}
