import { pointer } from './json/pointer.ts'
import { ProblemError } from './problem.ts'

/**
 * Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5): an object of texts. As strict as JSON bodies are:
 * throws for an escape that is none, for what is not UTF-8, and for a name that comes twice.
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
        errors: [{ path: `/body/${pointer(key)}`, message: 'is there twice' }]
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
