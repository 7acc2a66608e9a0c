import { createHmac, timingSafeEqual } from 'node:crypto'

/** A position in a list: the values that the last item of a page was ordered by. */
export type Position = ReadonlyArray<string | number>

const TAG_BYTES = 16

export interface CursorSeal {
  /** Makes the cursor of a position in the list that `scope` names: its filters and its order. */
  seal (position: Position, scope: Position): string
  /** The position in a cursor; undefined unless it was sealed with this secret and for the same scope. */
  open (cursor: string, scope: Position): Position | undefined
}

/**
 * Authenticates cursors (HMAC-SHA-256): a cursor that was changed, made up, or made for another list opens as
 * undefined.
 */
export function createCursorSeal (secret: Uint8Array): CursorSeal {
  function tagOf (position: string, scope: Position) {
    return createHmac('sha256', secret).update(JSON.stringify([scope, position])).digest().subarray(0, TAG_BYTES)
  }
  return {
    seal (position, scope) {
      const text = JSON.stringify(position)
      return Buffer.concat([tagOf(text, scope), Buffer.from(text)]).toString('base64url')
    },
    open (cursor, scope) {
      const bytes = Buffer.from(cursor, 'base64url')
      // Node skips foreign characters and ignores surplus bits; only the text that we made is the cursor.
      if (bytes.length <= TAG_BYTES || bytes.toString('base64url') !== cursor) return undefined
      const text = bytes.toString('utf8', TAG_BYTES)
      return timingSafeEqual(tagOf(text, scope), bytes.subarray(0, TAG_BYTES))
        ? JSON.parse(text) as Position
        : undefined
    }
  }
}
