import { ProblemError, retryAfter } from './problem.ts'

interface DatabaseError {
  name?: string
  code?: string
  cause?: unknown
  meta?: { driverAdapterError?: unknown }
  kind?: string
  originalCode?: string
}

/** Prisma's and PostgreSQL's codes for "met another transaction": the same work may succeed at once. */
const CONFLICT_CODES = new Set(['P2034', '40001', '40P01'])
const CONFLICT_KINDS = new Set(['TransactionWriteConflict'])

/** Prisma's, PostgreSQL's and the socket's ways to say that there is no connection to be had now. */
const UNAVAILABLE_CODES = new Set([
  'P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037',
  '25006', '53300', '55P03', '57014', '57P01', '57P02', '57P03', '08000', '08003', '08006',
  'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND'
])
const UNAVAILABLE_KINDS = new Set([
  'DatabaseNotReachable', 'DatabaseDoesNotExist', 'AuthenticationFailed', 'TlsConnectionError', 'TooManyConnections', 'ConnectionClosed', 'SocketTimeout'
])
/** What pg says without any code when its pool is used up or a connection breaks. */
const UNAVAILABLE_TEXT = /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|Server has closed the connection|the database system is|Query read timeout|not currently accepting connections/i

/** Whether a transaction met another one, so that the same work may succeed when it is done again at once. */
export function isConflict (error: unknown) {
  return layersOf(error).some(({ code, kind, originalCode }) => [code, originalCode].some((text) => CONFLICT_CODES.has(text ?? '')) || CONFLICT_KINDS.has(kind ?? ''))
}

/** 503 for what the database will get over, so that nobody is told that it is a fault (500); undefined for real faults. */
export function databaseProblem (error: unknown): ProblemError | undefined {
  if (error instanceof ProblemError || !(isConflict(error) || isUnavailable(error))) return undefined
  return new ProblemError('OVERLOADED', { cause: error, headers: retryAfter(1) })
}

function isUnavailable (error: unknown) {
  return layersOf(error).some((layer) => [layer.code, layer.originalCode].some((text) => UNAVAILABLE_CODES.has(text ?? '')) ||
    UNAVAILABLE_KINDS.has(layer.kind ?? '') || (layer instanceof Error && UNAVAILABLE_TEXT.test(layer.message)))
}

/** The error and what it was caused by; Prisma keeps the driver's error in `meta` or `cause`, depending on the call. */
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
