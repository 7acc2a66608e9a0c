import type { AuthPolicy, Operation, Responses } from '@gatepost/contracts/operation'
import { Type, type TNull, type TObject, type TProperties, type TSchema } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'

/** The callers of a route; see {@link AuthPolicy}. */
export type RoutePolicy = AuthPolicy

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The operation that the route answers; absent only on routes outside the contract. */
    operation?: Operation
    /** The callers of the route. A route without a policy needs a token. */
    auth?: RoutePolicy
  }
}

type ResponseSchemas<Answers extends Responses> = {
  [Status in keyof Answers]: Answers[Status] extends { schema: infer Schema extends TSchema } ? Schema : TNull
}

/**
 * The part of a Fastify route that follows from the contract: `app.route({ ...routeOf(createPost), handler })`. The
 * answer starts with the status and the `cache-control` of the operation's success, where the contract states one.
 */
export function routeOf<
  Params extends TProperties,
  Query extends TProperties,
  Headers extends TProperties,
  Body extends TSchema,
  Answers extends Responses
> (
  operation: Operation<Params, Query, Headers, Body, Answers>
) {
  const body = operation.body && operation.bodyOptional ? Type.Union([operation.body, Type.Null()]) : operation.body
  return {
    method: operation.method,
    url: operation.url,
    config: { operation: operation as unknown as Operation, auth: operation.auth },
    ...beginningOf(operation.responses),
    ...operation.bodyType === 'application/x-www-form-urlencoded' && { preValidation: takeEmptyForm },
    schema: {
      params: operation.params,
      querystring: operation.query,
      headers: operation.headers,
      ...body && { body },
      response: responseSchemas(operation.responses)
    } as {
      params: TObject<Params>
      querystring: TObject<Query>
      headers: TObject<Headers>
      body: Body
      response: ResponseSchemas<Answers>
    }
  }
}

/** The handler of an operation that answers without a body, when the act is done. */
export function withoutBody<Request extends FastifyRequest> (act: (request: Request) => Promise<void>) {
  return async (request: Request, reply: FastifyReply) => {
    await act(request)
    return reply.send()
  }
}

/** A form without fields is no bytes at all; the answer names the fields that it lacks. */
function takeEmptyForm (request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction) {
  request.body ??= {}
  done()
}

function beginningOf (responses: Responses) {
  const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'))
  const status = successes.length === 1 ? Number(successes[0]![0]) : 200
  const cacheControl = successes.map(([, { headers }]) => headers?.['cache-control']).find(Boolean)
  if (status === 200 && cacheControl === undefined) return {}
  return {
    preHandler (_request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) {
      reply.code(status)
      if (cacheControl !== undefined) reply.header('cache-control', cacheControl)
      done()
    }
  }
}

/** Only members that the contract names leave the process, whatever a handler returns. */
function responseSchemas (responses: Responses) {
  return Object
    .fromEntries(Object.entries(responses).flatMap(([status, { schema }]) => schema ? [[status, schema]] : []))
}
