import type { IncomingHttpHeaders } from 'node:http'
import type { AuthPolicy, LimitPolicy, Operation } from '@gatepost/contracts/operation'
import type { ClientAddress, FindClient } from '@gatepost/service-kit/client-address'
import { type Principal, tokenOf, unauthorized } from '@gatepost/service-kit/identity'
import { ProblemError } from '@gatepost/service-kit/problem'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { apiKeyOf, type KeyExchanges } from '../api-keys/key-exchange.ts'
import { MalformedRequestError, RouteNotFoundError, UriTooLongError } from '../errors.ts'
import { faultOfTarget, isHost } from './canonical-target.ts'

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

/** What is known about a request once it is counted. */
interface Admission extends Policy {
  exists: boolean
  /** Whose limit it was counted against already. */
  recognized: Principal | undefined
  /** An API key that has to be exchanged before anything can be said about its token. */
  key: string | undefined
}

export interface AdmissionOptions {
  operations: readonly Operation[]
  findClient: FindClient
  exchanges: KeyExchanges
}

/**
 * Decides whether a request gets in, in an order that is a security property: client address → canonical target →
 * rate limits → access token and its revocation → role → the limit of a user met for the first time → is there anything
 * at this path. Limits come before cryptography, 401 before 400 and 404; what fails here never reaches validation or a
 * service.
 */
export const admission = fp<AdmissionOptions>(async (app, { operations, findClient, exchanges }) => {
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
    refuseAmbiguous(headers, url!)
    const exists = !request.is404 && pattern !== CATCH_ALL
    const { limit, auth } = config.operation ?? policyOfPath(url!, exists)
    const key = auth === 'none' ? undefined : useHeldToken(headers)
    const recognized = auth === 'none' ? undefined : app.identity.recognize(headers.authorization)
    request.counted = { address: request.client.key, user: recognized?.userId ?? '' }
    const counting = limit === 'none' ? undefined : app.limit(request, reply, limit)
    const admission = { exists, auth, limit, recognized, key }
    return counting === undefined ? judge(request, reply, admission) : counting.then(() => judge(request, reply, admission))
  }

  /** Puts the access token that a key stands for in its place; answers a key whose token is not held. */
  function useHeldToken (headers: IncomingHttpHeaders): string | undefined {
    const key = apiKeyOf(headers.authorization)
    const held = key === undefined ? undefined : exchanges.held(key)
    if (held !== undefined) headers.authorization = held
    return held === undefined ? key : undefined
  }

  async function exchangeKey (request: FastifyRequest, key: string) {
    const token = await exchanges.exchange(key, { address: request.client.address, requestId: request.id, traceparent: request.traceparent })
    if (token !== undefined) request.raw.headers.authorization = token
  }

  function judge (request: FastifyRequest, reply: FastifyReply, admission: Admission): Promise<void> | undefined {
    if (admission.key !== undefined && request.method !== 'OPTIONS') {
      return exchangeKey(request, admission.key).then(() => judge(request, reply, { ...admission, key: undefined }))
    }
    if (!admission.exists) return refuse(request, reply, admission)
    if (request.method === 'OPTIONS') return undefined
    const waiting = app.identity.authorize(request, admission.recognized)
    return waiting === undefined
      ? countUser(request, reply, admission, request.principal)
      : waiting.then(() => countUser(request, reply, admission, request.principal))
  }

  async function refuse (request: FastifyRequest, reply: FastifyReply, admission: Admission) {
    const { url, headers } = request.raw
    if (admission.auth === 'user') await countUser(request, reply, admission, admission.recognized ?? await requireToken(headers.authorization))
    refuseUnknown(url!)
  }

  /** Limits that go by addresses come before cryptography; the one of a user whose token was not seen before comes after. */
  function countUser (request: FastifyRequest, reply: FastifyReply, { limit, recognized }: Admission, principal: Principal | undefined) {
    if (limit === 'none' || recognized !== undefined || principal === undefined) return undefined
    request.counted.user = principal.userId
    return app.limitUser(request, reply)
  }

  /** The policy of what no operation describes: unknown paths, and the OPTIONS of known ones. */
  function policyOfPath (url: string, exists: boolean): Policy {
    const path = url.split('?', 1)[0]!
    const limit = path === '/api' || path.startsWith('/api/') ? 'default' : 'none'
    return { limit, auth: limit === 'none' || exists || openPaths.has(path) ? 'none' : 'user' }
  }

  /** Strangers are not even told what does not exist. */
  async function requireToken (authorization: string | undefined) {
    const token = tokenOf(authorization ?? '')
    const principal = token === undefined ? undefined : await app.identity.verify(token)
    if (principal === undefined) throw unauthorized(authorization !== undefined)
    return principal
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
