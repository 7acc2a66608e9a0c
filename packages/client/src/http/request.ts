import type { OperationCall } from '../operation-call.ts'

/** What any operation may be given; the types of each operation allow only its own. */
export interface AnyInput {
  params?: Record<string, string>
  query?: Record<string, string | number | boolean | undefined>
  headers?: Record<string, string | undefined>
  body?: unknown
  /** Cancels the call, which then rejects with the signal's reason. */
  signal?: AbortSignal
  /** Milliseconds for the call with all its attempts and waits. */
  timeoutMs?: number
}

export interface HttpRequest {
  url: string
  method: string
  headers: Record<string, string>
  body?: string
}

/** The request of a call, without its token. */
export function requestOf (baseUrl: string, call: OperationCall, input: AnyInput): HttpRequest {
  const path = call.path.replace(/:(\w+)/g, (_match, name: string) => segment(name, input.params?.[name]))
  const query = new URLSearchParams(defined(input.query ?? {})).toString()
  const headers: Record<string, string> = { accept: 'application/json', ...defined(input.headers ?? {}) }
  if (call.keyed) headers['idempotency-key'] ??= randomKey()
  return {
    url: baseUrl + path + (query && `?${query}`),
    method: call.method,
    headers,
    ...input.body !== undefined && bodyOf(call, input.body, headers)
  }
}

function bodyOf ({ form }: OperationCall, body: unknown, headers: Record<string, string>) {
  return form
    ? {
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(defined(body as Record<string, string | undefined>)).toString()
      }
    : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/** Clients resolve dot segments, so such an id would be another path. */
function segment (name: string, value: string | undefined) {
  if (value === undefined || /^\.{0,2}$/.test(value)) throw new TypeError(`params.${name} cannot be '${value}'`)
  return encodeURIComponent(value)
}

function defined (values: Record<string, string | number | boolean | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)])
  )
}

/** `crypto.randomUUID` is missing on pages without TLS. */
function randomKey () {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
