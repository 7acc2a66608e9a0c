import { pointer } from './json/pointer.ts'
import { ProblemError } from './problem.ts'

/** Far above any form of ours. */
const MAX_FIELDS = 100

/**
 * Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5) into an object of texts. Like JSON bodies it is
 * strict: throws for a broken escape, for bytes that are not UTF-8, for a repeated name, and for more fields than any
 * form has.
 */
export function parseForm (bytes: Buffer): Record<string, string> {
  const text = bytes.toString('latin1')
  if (/[^\x21-\x7e]/.test(text)) throw malformed()
  const members = new Map<string, string>()
  const pairs = text.split('&', MAX_FIELDS + 1)
  if (pairs.length > MAX_FIELDS) throw invalid('/body', `has more than ${MAX_FIELDS} fields`)
  for (const pair of pairs) {
    if (pair === '') continue
    const [name = '', ...rest] = pair.split('=')
    const key = decoded(name)
    if (members.has(key)) throw invalid(`/body/${pointer(key)}`, 'is given twice')
    members.set(key, decoded(rest.join('=')))
  }
  return Object.fromEntries(members)
}

function decoded (text: string) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (cause) {
    throw malformed(cause)
  }
}

function invalid (path: string, message: string) {
  return new ProblemError('REQUEST_INVALID', { errors: [{ path, message }] })
}

function malformed (cause?: unknown) {
  return new ProblemError('REQUEST_MALFORMED', { detail: 'The form is not percent-encoded UTF-8.', cause })
}
