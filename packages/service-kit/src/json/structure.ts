import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, endOfString, nextToken, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from './tokens.ts'

/** Bounds far above any operation of ours. */
const MAX_MEMBERS = 1_000
const MAX_DEPTH = 64
/** Strings, brackets and commas; a member has four at most. */
const MAX_TOKENS = 5 * MAX_MEMBERS

/**
 * Refuses a text with more structure than a request has, before it is parsed. The cost of parsing, comparing and
 * validating goes by the number of members and elements, each of which costs a client a byte or two. The text need not
 * be JSON.
 */
export function faultOfStructure (text: string): string | undefined {
  let depth = 0
  let commas = 0
  let tokens = 0
  for (let i = nextToken(text, 0); i >= 0; i = nextToken(text, i + 1)) {
    if (++tokens > MAX_TOKENS) return `has more than ${MAX_TOKENS} texts, brackets and commas`
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        if (i < 0) return undefined // not JSON, as the parser will say
        break
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (++depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} levels deep`
        break
      case CLOSE_OBJECT:
      case CLOSE_ARRAY: depth--; break
      case COMMA: if (++commas >= MAX_MEMBERS) return `has more than ${MAX_MEMBERS} members and elements`
    }
  }
  return undefined
}
