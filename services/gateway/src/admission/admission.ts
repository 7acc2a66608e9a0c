import type { AuthPolicy, Operation } from '@gatepost/contracts/operation'
import type { ClientAddress, FindClient } from '@gatepost/service-kit/client-address'
import { type Principal, tokenOf, unauthorized } from '@gatepost/service-kit/identity'
import { andThen, type MaybePromise } from '@gatepost/service-kit/maybe-promise'
import { ProblemError } from '@gatepost/service-kit/problem'
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { apiKeyOf, type HeldKey, type KeyExchanges } from '../api-keys/key-exchange.ts'
import { RouteNotFoundError } from '../errors.ts'
import type { LimitName } from '../limits/limits.ts'
import { faultOfRequest } from './ambiguity.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The client at the other end of the connection, as far as trusted proxies say. */
    client: ClientAddress
  }
}

/** The route that @fastify/cors adds for preflights of all paths. */
const CATCH_ALL = '*'

/** `/api` and all paths below it. */
const BELOW_API = /^\/api(?:[/?]|$)/
/** Also by spellings that another reader could take for it. */
const BELOW_API_PERHAPS = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/\\]*)?[/\\]*api(?![\w-])/i

interface Policy {
  limit: LimitName
  auth: AuthPolicy
}

/** The facts about a request that is being admitted. */
interface Admission extends Policy {
  config: FastifyContextConfig
  exists: boolean
  /** Why the request could mean two things. */
  fault: ProblemError | undefined
  /** The user whose limit it was counted against already. */
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
 * Decides whether a request gets in, in an order that is a security property: client address → rate limits → access
 * token and its revocation → role → the limit of a user met for the first time → is the request unambiguous → is there
 * anything at this path. Limits come before cryptography, 401 before 400 and 404; what fails here never reaches
 * validation or a service.
 */
export const admission = fp<AdmissionOptions>(async (app, { operations, findClient, exchanges }) => {
  const openPaths = new Set(operations.filter(({ auth }) =>
    auth === 'none' || auth === 'optional'
  ).map(({ url }) => url))

  app.decorateRequest('client', null as unknown as ClientAddress)
  app.limitBroken = async ({ address, target }) => {
    const headers: Record<string, string> = {}
    if (target !== undefined && !BELOW_API_PERHAPS.test(target)) return { headers }
    try {
      const counted = { address: findClient(address, {}).key, user: '', key: '', keyLimit: undefined }
      await app.limit({ counted }, {
        header: (name, value) => {
          headers[name] = value
        }
      }, 'default')
      return { headers }
    } catch (error) {
      if (error instanceof ProblemError) return { headers, refusal: error }
      throw error
    }
  }
  app.addHook('onRequest', (request, reply, done) => {
    const waiting = admit(request, reply)
    if (waiting instanceof Promise) return waiting
    done()
  })

  function admit (request: FastifyRequest, reply: FastifyReply): MaybePromise<void> {
    const { raw: { headers, socket }, route: { config, url: pattern } } = request
    request.client = findClient(socket.remoteAddress ?? '', headers)
    request.span?.setAttribute('client.address', request.client.address)
    const fault = faultOfRequest(request, pattern)
    // its reader may have seen the next request elsewhere than we do
    if (fault !== undefined) reply.header('connection', 'close')
    const exists = !request.is404 && pattern !== CATCH_ALL
    const { limit, auth } = config.operation ??
      policyOfPath(request, exists, fault === undefined ? BELOW_API : BELOW_API_PERHAPS)
    const key = auth === 'none' ? undefined : apiKeyOf(headers.authorization)
    const held = key === undefined ? undefined : exchanges.held(key)
    if (held !== undefined) headers.authorization = held.authorization
    const recognized = auth === 'none' ? undefined : app.identity.recognize(headers.authorization)
    request.counted = { address: request.client.key, user: recognized?.userId ?? '', key: '', keyLimit: undefined }
    if (held !== undefined) countKey(request, held)
    const counting = limit === 'none' ? undefined : app.limit(request, reply, limit)
    const admission = { config, exists, fault, auth, limit, recognized, key: held === undefined ? key : undefined }
    return andThen(counting, () => judge(request, reply, admission))
  }

  async function exchangeKey (request: FastifyRequest, key: string) {
    const held = await exchanges.exchange(key, {
      address: request.client.address,
      requestId: request.id,
      traceparent: request.traceparent
    })
    if (held === undefined) return
    request.raw.headers.authorization = held.authorization
    countKey(request, held)
  }

  function judge (request: FastifyRequest, reply: FastifyReply, admission: Admission): MaybePromise<void> {
    if (admission.key !== undefined && request.method !== 'OPTIONS') {
      return exchangeKey(request, admission.key).then(() => judge(request, reply, { ...admission, key: undefined }))
    }
    if (!admission.exists) return refuse(request, reply, admission)
    if (request.method === 'OPTIONS') return refuseFault(admission)
    const counting = andThen(
      app.identity.authorize(request, admission.config, admission.recognized),
      () => countUser(request, reply, admission, request.principal)
    )
    return andThen(counting, () => refuseFault(admission))
  }

  async function refuse (request: FastifyRequest, reply: FastifyReply, admission: Admission) {
    if (admission.auth === 'user') {
      await countUser(
        request,
        reply,
        admission,
        admission.recognized ?? await requireToken(request.raw.headers.authorization)
      )
    }
    refuseFault(admission)
    refuseUnknown(request.originalUrl)
  }

  /**
   * Limits that go by addresses come before cryptography; the one of a user whose token was not seen before comes
   * after.
   */
  function countUser (
    request: FastifyRequest,
    reply: FastifyReply,
    { limit, recognized }: Admission,
    principal: Principal | undefined
  ) {
    if (limit === 'none' || recognized !== undefined || principal === undefined) return
    request.counted.user = principal.userId
    return app.limitUser(request, reply)
  }

  /** The policy of requests without an operation: unknown paths, and OPTIONS. */
  function policyOfPath ({ originalUrl, method }: FastifyRequest, exists: boolean, belowApi: RegExp): Policy {
    if (!belowApi.test(originalUrl)) return { limit: 'none', auth: 'none' }
    const path = originalUrl.split('?', 1)[0]!
    return {
      limit: method === 'OPTIONS' ? 'preflight' : 'default',
      auth: exists || openPaths.has(path) ? 'none' : 'user'
    }
  }

  /** Even which paths do not exist is for callers with a token. */
  async function requireToken (authorization: string | undefined) {
    const token = tokenOf(authorization ?? '')
    const principal = token === undefined ? undefined : await app.identity.verify(token)
    if (principal === undefined) throw unauthorized(authorization)
    return principal
  }

  function refuseUnknown (url: string) {
    const allow = app.allowedMethods(url)
    throw allow.length > 0
      ? new ProblemError('METHOD_NOT_ALLOWED', { headers: { allow: allow.join(', ') } })
      : new RouteNotFoundError()
  }
}, { name: 'admission', dependencies: ['identity', 'limits'] })

/** A key without a limit of its own counts as its user alone. */
function countKey ({ counted }: FastifyRequest, { id, limit }: HeldKey) {
  if (limit === undefined) return
  counted.key = id
  counted.keyLimit = limit
}

function refuseFault ({ fault }: Admission) {
  if (fault !== undefined) throw fault
}
