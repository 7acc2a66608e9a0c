import type { FastifyRequest } from 'fastify'
import { networkOf } from '@gatepost/service-kit/network-address'
import type { Origin } from './origin.ts'

const USER_AGENT_LENGTH = 256

/** The caller of a route that needs a token. */
export function callerOf (request: FastifyRequest) {
  return {
    account: request.account!,
    holder: { userId: request.principal!.userId, sessionId: request.principal!.sessionId }
  }
}

export function originOf (request: FastifyRequest): Origin {
  const userAgent = request.headers['user-agent']?.replace(/[^\x20-\x7e]/g, '').slice(0, USER_AGENT_LENGTH)
  return {
    address: request.clientAddress,
    network: request.clientAddress === null ? 'unknown' : networkOf(request.clientAddress),
    userAgent: userAgent || null,
    requestId: request.id,
    traceparent: request.traceparent
  }
}
