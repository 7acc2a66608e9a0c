import { scopeOf } from './deadline.ts'
import { NetworkError, ProblemError } from './errors.ts'
import type { HttpRequest } from './request.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface AnyAnswer {
  status: number
  headers: Headers
  body: unknown
}

export interface AttemptOptions {
  fetch: Fetch
  /** Statuses that are answers; any other one is thrown. */
  answers: readonly number[]
  signal: AbortSignal | undefined
  /** Milliseconds until the work with the answer is done. */
  timeoutMs: number
}

/**
 * Sends a request once, and works with its answer. Throws {@link ProblemError} for a problem, {@link NetworkError} when
 * no answer of the API came, and the signal's reason when that was aborted.
 */
export async function attempt<Result> (
  { url, ...init }: HttpRequest,
  { fetch, answers, signal, timeoutMs }: AttemptOptions,
  use: (response: Response) => Promise<Result>
): Promise<Result> {
  signal?.throwIfAborted()
  const { controller, leave } = scopeOf(signal)
  const late = new NetworkError('timeout', `no answer within ${Math.round(timeoutMs)} ms: ${init.method} ${url}`)
  const timer = setTimeout(() => controller.abort(late), timeoutMs)
  try {
    // A redirect would take the token and the body to where nobody wanted them.
    const response = await fetch(url, { ...init, redirect: 'error', signal: controller.signal })
    if (!answers.includes(response.status)) throw await refusalOf(response, `${init.method} ${url}`)
    return await use(response)
  } catch (error) {
    if (error instanceof ProblemError || error instanceof NetworkError) throw error
    if (controller.signal.aborted) throw controller.signal.reason
    throw new NetworkError('unreachable', `no answer: ${init.method} ${url}`, { cause: error })
  } finally {
    clearTimeout(timer)
    leave()
  }
}

/** Reads an answer to its end. */
export async function read (response: Response): Promise<AnyAnswer> {
  const { status, headers } = response
  const text = await response.text()
  if (!/\bjson\b/.test(headers.get('content-type') ?? '')) return { status, headers, body: text || undefined }
  return { status, headers, body: parse(text, status) }
}

async function refusalOf (response: Response, what: string) {
  const { status, headers } = response
  const text = await response.text()
  if (/^application\/problem\+json\b/.test(headers.get('content-type') ?? '')) {
    const problem = parse(text, status)
    if (typeof problem.code === 'string') return new ProblemError(problem, status, secondsOf(headers))
  }
  return new NetworkError('unreadable', `answered ${status}, and not by the API: ${what}`, { status })
}

function parse (text: string, status: number): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new NetworkError('unreadable', 'the answer is no JSON', { status, cause })
  }
}

function secondsOf (headers: Headers) {
  const value = headers.get('retry-after')
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined
}
