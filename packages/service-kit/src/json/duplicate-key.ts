import { pointer } from './pointer.ts'
import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, endOfString, nextToken, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from './tokens.ts'

/**
 * Finds an object that names a member twice, in a text that JSON.parse has accepted, so that the structure needs no
 * check. Returns the JSON Pointer of the first one, without array indexes, or undefined.
 */
export function findDuplicateKey (text: string): string | undefined {
  const open: Array<Set<string> | null> = [] // the members seen of each open object; null for an array
  const path: string[] = [] // the member of each open object that is being read
  let expectKey = false
  for (let i = nextToken(text, 0); i >= 0; i = nextToken(text, i + 1)) {
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        const start = i
        i = endOfString(text, i)
        if (!expectKey) break
        const raw = text.slice(start + 1, i)
        const key = raw.includes('\\') ? JSON.parse(`"${raw}"`) as string : raw
        const seen = open.at(-1)!
        path[open.length - 1] = key
        if (seen.has(key)) return pathOf(path.slice(0, open.length), open)
        seen.add(key)
        expectKey = false
        break
      }
      case OPEN_OBJECT: open.push(new Set()); expectKey = true; break
      case OPEN_ARRAY: open.push(null); expectKey = false; break
      case CLOSE_OBJECT:
      case CLOSE_ARRAY: open.pop(); expectKey = false; break
      case COMMA: expectKey = open.at(-1) !== null && open.length > 0
    }
  }
}

function pathOf (keys: readonly string[], open: ReadonlyArray<Set<string> | null>) {
  return keys.map((key, level) => open[level] === null ? '' : `/${pointer(key)}`).join('')
}
