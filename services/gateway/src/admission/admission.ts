import { type IncomingHttpHeaders } from 'node:http'
import { type AuthPolicy, type LimitPolicy, type Operation } from '@gatepost/contracts/operation'
import { unauthorized } from '@gatepost/service-kit/identity'
import { ProblemError } from '@gatepost/service-kit/problem'
import { type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { MalformedRequestError, RouteNotFoundError, UriTooLongError } from '../errors.ts'
import { faultOfTarget, isHost } from './canonical-target.ts'
import { type ClientAddress, type FindClient } from './client-address.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is at the other end of the connection, as far as trusted proxies say. */
    client: ClientAddress
  }
}

/** The route that @fastify/cors adds for preflights of whatever path. */
const CATCH_ALL = '*'

interface Policy {
  limit: LimitPolicy
  auth: AuthPolicy
}

export interface AdmissionOptions {
  operations: readonly Operation[]
  findClient: FindClient
}

/**
 * Decides whether a request gets in, in an order that is a security property: client address → canonical target →
 * rate limits → access token and its revocation → role → is there anything at this path. Limits come before
 * cryptography, 401 before 400 and 404; what fails here never reaches validation or a service.
 */
export const admission = fp<AdmissionOptions>(async (app, { operations, findClient }) => {
  const openPaths = new Set(operations.filter(({ auth }) => auth === 'none' || auth === 'optional').map(({ url }) => url))

  app.decorateRequest('client', null as unknown as ClientAddress)
  app.addHook('onRequest', (request, reply, done) => {
    const waiting = admit(request, reply)
    if (waiting !== undefined) return waiting
    done()
  })

  /** A promise only where something has to be waited for: a request pays for it with a turn of the event loop's queues. */
  function admit (request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    const { headers, url, socket } = request.raw
    const { config, url: pattern } = request.routeOptions
    request.client = findClient(socket.remoteAddress ?? '', headers)
    request.limitKey = request.client.key
    refuseAmbiguous(headers, url!)
    const exists = !request.is404 && pattern !== CATCH_ALL
    const { limit, auth } = config.operation ?? policyOfPath(url!, exists)
    const counting = limit === 'none' ? undefined : app.limit(request, reply, limit)
    return counting === undefined ? judge(request, exists, auth) : counting.then(() => judge(request, exists, auth))
  }

  function judge (request: FastifyRequest, exists: boolean, auth: AuthPolicy): Promise<void> | undefined {
    if (!exists) return refuse(request, auth)
    if (request.method !== 'OPTIONS') return app.identity.authorize(request)
  }

  async function refuse ({ raw: { url, headers } }: FastifyRequest, auth: AuthPolicy) {
    if (auth === 'user') await requireToken(headers.authorization)
    refuseUnknown(url!)
  }

  /** The policy of what no operation describes: unknown paths, and the OPTIONS of known ones. */
  function policyOfPath (url: string, exists: boolean): Policy {
    const path = url.split('?', 1)[0]!
    const limit = path === '/api' || path.startsWith('/api/') ? 'default' : 'none'
    return { limit, auth: limit === 'none' || exists || openPaths.has(path) ? 'none' : 'user' }
  }

  /** Strangers are not even told what does not exist. */
  async function requireToken (authorization: string | undefined) {
    const token = /^Bearer +([^\s,]+) *$/i.exec(authorization ?? '')?.[1]
    if (token === undefined || await app.identity.verify(token) === undefined) throw unauthorized(authorization !== undefined)
  }

  function refuseUnknown (url: string) {
    const allow = app.allowedMethods(url)
    throw allow.length > 0 ? new ProblemError('METHOD_NOT_ALLOWED', { headers: { allow: allow.join(', ') } }) : new RouteNotFoundError()
  }
}, { name: 'admission', dependencies: ['identity', 'limits'] })

/** Whoever sends what two readers could understand in two ways gets no second request on the same connection. */
const CLOSE = { headers: { connection: 'close' } }

function refuseAmbiguous (headers: IncomingHttpHeaders, target: string) {
  if (!isHost(headers.host)) throw new MalformedRequestError({ ...CLOSE, detail: 'The Host header is missing, doubled or malformed.' })
  const fault = faultOfTarget(target)
  if (fault === 'too-long') throw new UriTooLongError(CLOSE)
  if (fault !== undefined) throw new MalformedRequestError({ ...CLOSE, detail: 'The request target is not in canonical form.' })
  if (headers.upgrade !== undefined && /websocket/i.test(headers.upgrade)) throw new MalformedRequestError({ ...CLOSE, detail: 'WebSocket is not spoken here; GET /api/events streams events.' })
}
