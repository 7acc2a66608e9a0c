import { Type } from '@sinclair/typebox'
import { ID_PATTERN } from './schemas.ts'

const MAX_POSITIONS = 10
const MAX_WAIT_MS = 2_000
const DEFAULT_WAIT_MS = 500

const position = `${
  ID_PATTERN.slice(1, -1)
}[ \\t]*;[ \\t]*v=[1-9][0-9]{0,8}(?:[ \\t]*;[ \\t]*wait=(?:0|[1-9][0-9]{0,2}|1[0-9]{3}|2000))?`

/** The request header of read models: the reader's own writes, which the answer then contains. */
export const ReadAfterSchema = Type.String({
  maxLength: 1_024,
  pattern: `^${position}(?:[ \\t]*,[ \\t]*${position}){0,${MAX_POSITIONS - 1}}$`,
  description:
    'Waits until these aggregates have been applied: `<aggregate id>;v=<version>`, at most 10, separated by commas. ' +
    `Waits ${DEFAULT_WAIT_MS} ms, or \`;wait=<ms>\` up to ${MAX_WAIT_MS}`
})

/** The answer's header that says whether the wait was long enough. */
export const readAfterAnswer = {
  'x-after-applied': '`true` if all of X-After had been applied, else `false`; absent without X-After'
}

/** A version of an aggregate that a reader has seen. */
export interface Position {
  aggregateId: string
  version: number
}

/**
 * Reads a header that matches {@link ReadAfterSchema}. The longest wait that one of its positions names counts for all.
 */
export function parseReadAfter (header: string): { positions: Position[], waitMs: number } {
  const waits: number[] = []
  const positions = header.split(',').map((item) => {
    const [aggregateId, version, wait] = item.split(';').map((part) => part.trim())
    if (wait !== undefined) waits.push(Number(wait.slice('wait='.length)))
    return { aggregateId: aggregateId!, version: Number(version!.slice('v='.length)) }
  })
  return { positions, waitMs: waits.length > 0 ? Math.max(...waits) : DEFAULT_WAIT_MS }
}
