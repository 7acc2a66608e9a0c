export const QUOTE = 34
export const COMMA = 44
export const OPEN_ARRAY = 91
const BACKSLASH = 92
export const CLOSE_ARRAY = 93
export const OPEN_OBJECT = 123
export const CLOSE_OBJECT = 125

const TOKEN = /["{}[\],]/g

/**
 * The place of the next bracket, comma or quote from `start` on; -1 if there is none. A pattern finds it without a loop
 * of ours.
 */
export function nextToken (text: string, start: number): number {
  TOKEN.lastIndex = start
  return TOKEN.test(text) ? TOKEN.lastIndex - 1 : -1
}

/**
 * The end of the string that begins at `start`: the next quote with an even number of backslashes before it; -1 if
 * there is none.
 */
export function endOfString (text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return -1
}
