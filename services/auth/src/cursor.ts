import { ProblemError } from '@gatepost/service-kit/problem'
import { createCursorSeal, type CursorSeal } from '@gatepost/service-kit/sealed-cursor'

/**
 * Where a list goes on: after the item with this id; undefined at its beginning. Throws REQUEST_INVALID for what is no
 * cursor of the list.
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

/** The cursor after the last item of a page; null when it was the last page. */
export function cursorAfter (seal: CursorSeal, last: string | null, list: string) {
  return last === null ? null : seal.seal([last], [list])
}

/** Seals with the first key and opens what any of them sealed. */
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
