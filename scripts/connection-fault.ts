import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'

const UNKNOWN_CA = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT'
])

/** The variable that names a service's database for its migrations; undefined for the embedded one. */
export function migrationVariable (
  service: ServiceName,
  env: Readonly<Record<string, string | undefined>>
): string | undefined {
  return ['MIGRATION_DATABASE_URL', 'DATABASE_URL'].map((kind) => `${services[service].prefix}_${kind}`).find((name) =>
    env[name]
  )
}

/**
 * One line for a connection that failed: which variable named the server, what went wrong, and what helps where that is
 * known.
 */
export function connectionFault (variable: string, error: unknown): Error {
  const { message, remedy } = diagnosis(variable, error)
  return new Error(`${variable}: ${message.trim().split('\n')[0]}${remedy ? `; ${remedy}` : ''}`, { cause: error })
}

function diagnosis (variable: string, error: unknown): { message: string, remedy?: string } {
  const { code = '', message, cause } = error as NodeJS.ErrnoException & { cause?: unknown }
  if (error instanceof URIError) {
    return { message: 'a % in it is followed by no two hexadecimal digits', remedy: 'write the % of a password as %25' }
  }
  if (UNKNOWN_CA.has(code)) {
    return {
      message: message.split(';')[0]!,
      remedy: 'name the file of the CA that signed the server’s certificate in NODE_EXTRA_CA_CERTS'
    }
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return { message, remedy: `${variable} needs a host name that the server’s certificate has` }
  }
  if (code === 'CERT_HAS_EXPIRED') return { message, remedy: 'the server needs a new certificate' }
  if (/does not support SSL/.test(message)) {
    return { message, remedy: `take sslmode out of ${variable}, or switch TLS on at the server` }
  }
  if (code === '28000' && /no encryption|SSL off/.test(message)) {
    return { message, remedy: `add ?sslmode=verify-full to ${variable}` }
  }
  if (error instanceof AggregateError && error.errors[0] !== undefined) return diagnosis(variable, error.errors[0])
  // Clients of NATS keep the fault of the socket inside their own.
  if (cause instanceof Error) return diagnosis(variable, cause)
  return { message: message || code }
}
