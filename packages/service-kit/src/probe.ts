import type { FastifyRequest } from 'fastify'

const PROBES = new Set(['/live', '/ready', '/metrics'])

/** Whether a request asks how the process is, as somebody does every few seconds. */
export function isProbe (request: FastifyRequest): boolean {
  return PROBES.has(request.routeOptions.url ?? '')
}
