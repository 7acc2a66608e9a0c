import type { ProblemError } from '@gatepost/service-kit/problem'
import type { FastifyRequest } from 'fastify'
import { MalformedRequestError, UriTooLongError } from '../errors.ts'
import { faultOfTarget, isHost } from './canonical-target.ts'

/** Probes of HTTP/1.0, which knows no Host, ask for these; nothing depends on the host that they mean. */
const HEALTH = new Set(['/live', '/ready'])

/** The refusal of a request that two readers could understand in two ways; undefined for all others. */
export function faultOfRequest (
  { raw, originalUrl }: FastifyRequest,
  pattern: string | undefined
): ProblemError | undefined {
  const { host, upgrade } = raw.headers
  const mayLackHost = host === undefined && raw.httpVersion === '1.0' && HEALTH.has(pattern ?? '')
  if (!mayLackHost && !isHost(host)) return malformed('The Host header is missing, doubled or malformed.')
  const fault = faultOfTarget(originalUrl)
  if (fault === 'too-long') return new UriTooLongError()
  if (fault !== undefined) return malformed('The request target is not in canonical form.')
  if (upgrade !== undefined && /websocket/i.test(upgrade)) {
    return malformed('WebSocket is not spoken here; GET /api/events streams events.')
  }
  return undefined
}

function malformed (detail: string) {
  return new MalformedRequestError({ detail })
}
