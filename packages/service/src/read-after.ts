import { parseReadAfter, type Position } from '@gatepost/contracts/read-after'
import type { ReadAfter } from '@gatepost/events/read-after'

export type { ReadAfter }

interface Reading {
  headers: { 'x-after'?: string }
}

interface Answering {
  header (name: string, value: string): unknown
}

/**
 * Waits for what the X-After of a request names, and says in the answer whether it has been applied. `also` are waited
 * for as long, and said nothing of.
 */
export async function readAfterOf (
  readAfter: ReadAfter,
  { headers: { 'x-after': header } }: Reading,
  reply: Answering,
  also: readonly Position[] = []
): Promise<void> {
  if (header === undefined) return
  const { positions, waitMs } = parseReadAfter(header)
  const [applied] = await Promise.all([
    readAfter.wait(positions, waitMs),
    also.length > 0 ? readAfter.wait(also, waitMs) : undefined
  ])
  reply.header('x-after-applied', String(applied))
}
