import { ProblemError, retryAfter } from './problem.ts'

interface DatabaseError {
  name?: string
  code?: string
  cause?: unknown
  meta?: { driverAdapterError?: unknown }
  kind?: string
  originalCode?: string
}

/** Prisma's and PostgreSQL's codes for a conflict with another transaction: a repetition may succeed at once. */
const CONFLICT_CODES = new Set(['P2034', '40001', '40P01'])
const CONFLICT_KINDS = new Set(['TransactionWriteConflict'])

/** Codes of Prisma, PostgreSQL and the socket for a database that serves nobody now. */
const AWAY_CODES = new Set([
  'P1001', 'P1002', 'P1008', 'P1017', 'P2037',
  '25006', // read-only: a standby, or a provider's answer to a full disk
  '28000', '28P01', '3D000', '40003', '55000', '58030',
  'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'
])
/**
 * Classes of SQLSTATE for a database that serves nobody now: connections, resources (a full disk is 53100), the
 * operator's interventions.
 */
const AWAY_CLASSES = /^(08|53|57P)/
const AWAY_KINDS = new Set([
  'DatabaseNotReachable',
  'DatabaseDoesNotExist',
  'DatabaseAccessDenied',
  'AuthenticationFailed',
  'TlsConnectionError',
  'TooManyConnections',
  'ConnectionClosed',
  'SocketTimeout'
])
/** Messages of pg without a code. PostgreSQL's own messages are in the language of its administrator. */
const AWAY_TEXT = /Connection terminated|Client has encountered a connection error/

/** A statement, or its wait for a connection or a lock, took too long; others may succeed. */
const SLOW_CODES = new Set(['P2024', 'P2028', '25P03', '25P04', '55P03', '57014'])
const SLOW_TEXT = /timeout exceeded when trying to connect|Query read timeout/

/** Whether a transaction met a conflict, so that a repetition may succeed at once. */
export function isConflict (error: unknown) {
  return layersOf(error).some((layer) =>
    codesOf(layer).some((code) => CONFLICT_CODES.has(code)) || CONFLICT_KINDS.has(layer.kind ?? '')
  )
}

/** Whether the database serves nobody now; the failed work succeeds once it is back. */
export function isDatabaseAway (error: unknown) {
  return layersOf(error).some((layer) =>
    codesOf(layer).some((code) => AWAY_CODES.has(code) || AWAY_CLASSES.test(code)) ||
    AWAY_KINDS.has(layer.kind ?? '') || (layer instanceof Error && AWAY_TEXT.test(layer.message))
  )
}

/**
 * A 503 problem for an error that the database will get over, so that it is not reported as a fault (500); undefined
 * for real faults.
 */
export function databaseProblem (error: unknown): ProblemError | undefined {
  if (error instanceof ProblemError || !(isConflict(error) || isDatabaseAway(error) || isSlow(error))) return undefined
  return new ProblemError('OVERLOADED', { cause: error, headers: retryAfter(1) })
}

function isSlow (error: unknown) {
  return layersOf(error).some((layer) =>
    codesOf(layer).some((code) => SLOW_CODES.has(code)) || (layer instanceof Error && SLOW_TEXT.test(layer.message))
  )
}

function codesOf ({ code, originalCode }: DatabaseError): string[] {
  return [code, originalCode].filter((text) => typeof text === 'string')
}

/** The error and its causes. Prisma keeps the driver's error in `meta` or `cause`, depending on the call. */
function layersOf (error: unknown): DatabaseError[] {
  const layers: DatabaseError[] = []
  const queue = [error]
  while (queue.length > 0 && layers.length < 8) {
    const layer = queue.shift()
    if (typeof layer !== 'object' || layer === null) continue
    layers.push(layer as DatabaseError)
    queue.push((layer as DatabaseError).cause, (layer as DatabaseError).meta?.driverAdapterError)
  }
  return layers
}
