import { type Call, Exchange } from './exchange.ts'
import type { Failure, Upstream } from './upstream.ts'

export interface Collected {
  status: number
  body: Buffer
}

export interface Collecting {
  /** The whole answer, or why there is none. Never rejects; never settles once it was cancelled. */
  answer: Promise<Collected | Failure>
  cancel (): void
}

/** Calls a service and keeps its answer in memory; one that is larger than `maxBytes` counts as broken. */
export function collect (upstream: Upstream, call: Call, maxBytes = 4_194_304): Collecting {
  const { promise, resolve } = Promise.withResolvers<Collected | Failure>()
  const chunks: Buffer[] = []
  let status = 0
  let size = 0
  const exchange = new Exchange(upstream, call, {
    onHeaders (code) { status = code },
    onData (chunk) {
      size += chunk.length
      if (size <= maxBytes) chunks.push(chunk)
      else {
        resolve('broken')
        exchange.cancel()
      }
      return true
    },
    onEnd: () => resolve({ status, body: Buffer.concat(chunks) }),
    onFailure: resolve
  })
  return { answer: promise, cancel: () => exchange.cancel() }
}
