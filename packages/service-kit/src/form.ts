import { pointer } from './json/pointer.ts'
import { ProblemError } from './problem.ts'

/**
 * Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5) into an object of texts. Like JSON bodies it is
 * strict: throws for a broken escape, for bytes that are not UTF-8, and for a repeated name.
 */
export function parseForm (bytes: Buffer): Record<string, string> {
  const text = bytes.toString('latin1')
  if (/[^\x21-\x7e]/.test(text)) throw malformed()
  const members = new Map<string, string>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const [name = '', ...rest] = pair.split('=')
    const key = decoded(name)
    if (members.has(key)) {
      throw new ProblemError('REQUEST_INVALID', {
        errors: [{ path: `/body/${pointer(key)}`, message: 'is given twice' }]
      })
    }
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

function malformed (cause?: unknown) {
  return new ProblemError('REQUEST_MALFORMED', { detail: 'The form is not percent-encoded UTF-8.', cause })
}
