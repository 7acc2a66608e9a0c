import { isUtf8 } from 'node:buffer'
import { findDuplicateKey } from './json/duplicate-key.ts'
import { pointer } from './json/pointer.ts'
import { faultOfStructure } from './json/structure.ts'
import { ProblemError } from './problem.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses a JSON body as strictly as a contract needs (RFC 8259 with the choices of RFC 7493, I-JSON): valid UTF-8
 * without a byte order mark, no duplicate member, no lone surrogate, no `__proto__`, bounded depth and number of
 * members. Two parsers must never see two different values in the same bytes. Throws a {@link ProblemError} of status
 * 400.
 */
export function parseJson (bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw malformed('The body is not valid UTF-8.')
  const text = utf8.decode(bytes)
  const excess = faultOfStructure(text)
  if (excess !== undefined) throw invalid('/body', excess)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw malformed('The body is not valid JSON.', cause)
  }
  const duplicate = findDuplicateKey(text)
  if (duplicate !== undefined) throw invalid(`/body${duplicate}`, 'is given twice')
  const fault = faultOf(value)
  if (fault !== undefined) throw invalid(`/body${fault.path}`, fault.message)
  return value
}

/** The fault in a value, and its place; builds the path only for a fault. */
function faultOf (value: unknown): { path: string, message: string } | undefined {
  if (typeof value === 'string') {
    return value.isWellFormed()
      ? undefined
      : { path: '', message: 'must not contain a lone surrogate' }
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const key in value) {
    if (key === '__proto__' || !key.isWellFormed()) {
      return { path: '', message: 'has a member with a name that is not allowed' }
    }
    const fault = faultOf((value as Record<string, unknown>)[key])
    if (fault !== undefined) return { path: `/${pointer(key)}${fault.path}`, message: fault.message }
  }
  return undefined
}

function malformed (detail: string, cause?: unknown) {
  return new ProblemError('REQUEST_MALFORMED', { detail, cause, errors: [{ path: '/body', message: detail }] })
}

function invalid (path: string, message: string) {
  return new ProblemError('REQUEST_INVALID', { errors: [{ path, message }] })
}
