import type { RequestRow } from '../traces/request-row.ts'

/** A client that a rate limit refuses. */
export interface RefusedClient {
  client: string
  userId: string | undefined
  limit: string
  count: number
  last: number
}

const MOST = 100

/** Which clients are refused by which limit, by the requests that are known, most refused first. */
export function refusedClients (requests: readonly RequestRow[]): RefusedClient[] {
  const found = new Map<string, RefusedClient>()
  for (const { limit, client = 'unknown', userId, start } of requests) {
    if (limit === undefined) continue
    const key = `${client} ${limit}`
    const known = found.get(key) ?? { client, userId, limit, count: 0, last: 0 }
    known.count++
    known.last = Math.max(known.last, start)
    known.userId ??= userId
    found.set(key, known)
  }
  return [...found.values()].sort((a, b) => b.count - a.count).slice(0, MOST)
}
