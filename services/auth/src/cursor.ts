import { ProblemError } from '@gatepost/service-kit/problem'
import { createCursorSeal, type CursorSeal } from '@gatepost/service-kit/sealed-cursor'

/**
 * The id after which the list goes on; undefined without a cursor. Throws REQUEST_INVALID for a text that is no cursor
 * of the list.
 */
export function positionOf (seal: CursorSeal, cursor: string | undefined, list: string) {
  if (cursor === undefined) return undefined
  const position = seal.open(cursor, [list])
  if (!position) {
    throw new ProblemError('REQUEST_INVALID', {
      errors: [{ path: '/query/cursor', message: 'is not a cursor of this list' }]
    })
  }
  return String(position[0])
}

/** The cursor after the last item of a page; null after the last page. */
export function cursorAfter (seal: CursorSeal, last: string | null, list: string) {
  return last === null ? null : seal.seal([last], [list])
}

/** Seals with the first key and opens what any of the keys sealed. */
export function createCursorSealOf (keys: readonly Buffer[]): CursorSeal {
  const seals = keys.map(createCursorSeal)
  return {
    seal: seals[0]!.seal,
    open (cursor, scope) {
      for (const seal of seals) {
        const position = seal.open(cursor, scope)
        if (position) return position
      }
      return undefined
    }
  }
}
