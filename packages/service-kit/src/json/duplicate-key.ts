import { pointer } from './pointer.ts'

const QUOTE = 34
const BACKSLASH = 92
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const OPEN_ARRAY = 91
const CLOSE_ARRAY = 93
const COMMA = 44

/**
 * Looks for an object that names a member twice, in a text that JSON.parse has accepted; so the structure needs no
 * checking here. Returns the JSON Pointer of the first one, array indexes left out, or undefined.
 */
export function findDuplicateKey (text: string): string | undefined {
  const open: Array<Set<string> | null> = [] // the members seen of each open object; null for an array
  let expectKey = false
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE: {
        const start = i
        i = endOfString(text, i)
        if (!expectKey) break
        const raw = text.slice(start + 1, i)
        const key = raw.includes('\\') ? JSON.parse(`"${raw}"`) as string : raw
        const seen = open.at(-1)!
        if (seen.has(key)) return `/${pointer(key)}`
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

/** Where a string ends that begins at `start`: at the next quote with an even number of backslashes before it. */
function endOfString (text: string, start: number) {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
}
