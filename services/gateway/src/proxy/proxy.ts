import httpProxy from '@fastify/http-proxy'
import type { Operation } from '@gatepost/contracts/operation'
import { onOutcome } from '@gatepost/service-kit/outcome'
import { routeOf } from '@gatepost/service-kit/route'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isPlainPath } from '../admission/canonical-target.ts'
import type { Exchange } from '../upstreams/exchange.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { answer } from './answer.ts'
import { requestHeadersOf } from './request-headers.ts'
import { responseHeadersOf } from './response-headers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The call to a service that answers the request. */
    exchange: Exchange | undefined
  }
}

export interface ProxyOptions {
  operations: readonly Operation[]
  upstreamOf (operation: Operation): Upstream
}

/** The plugin needs an upstream and a client of its own; our requests use neither. */
const NOWHERE = 'http://upstream.invalid'
const refuse = () => { throw new Error('@fastify/http-proxy sends nothing by itself') }

/**
 * One route of @fastify/http-proxy for each operation that a service answers. The plugin routes and checks the
 * destination; its way to the service is replaced by ours, which balances, repeats what may be repeated, gives up in
 * time, filters headers both ways and forwards the bytes of the body as they came. A path of plain characters leads
 * nowhere else, so it is forwarded before the plugin parses three URLs to find that out.
 */
export const proxy = fp<ProxyOptions>(async (app, { operations, upstreamOf }) => {
  app.decorateRequest('exchange', undefined)
  // A client that left needs no answer; for all others the exchange is over.
  onOutcome(app, { answered: ({ exchange }) => exchange?.cancel(), broken () {} })
  addSchemas(app)
  for (const operation of operations) {
    const upstream = upstreamOf(operation)
    const requestHeaders = requestHeadersOf(operation)
    const filter = responseHeadersOf(operation, app.fixedHeaders)
    const { timeoutMs } = operation
    const { config, preValidation } = routeOf(operation)

    /** Returns nothing: Fastify would watch over a reply that is returned, which Answer does already. */
    function forward (request: FastifyRequest, reply: FastifyReply) {
      answer(request, reply, {
        upstream,
        filter,
        method: request.method,
        path: request.url,
        headers: requestHeaders(request),
        body: request.rawBody,
        timeoutMs
      })
    }

    await app.register(httpProxy, {
      upstream: NOWHERE,
      routes: [operation.url],
      httpMethods: [operation.method],
      config,
      ...preValidation && { preValidation },
      proxyPayloads: false, // bodies are parsed and validated here
      undici: { request: refuse }, // else the plugin makes a pool of its own, which accepts any certificate
      disableRequestLogging: true,
      preHandler (request, reply, done) {
        if (isPlainPath(request.url)) forward(request, reply)
        else done()
      },
      handler: forward
    })
  }
}, { name: 'proxy' })

/** @fastify/http-proxy takes no schema for its routes; they get the one of their operation as they are added. */
function addSchemas (app: FastifyInstance) {
  app.addHook('onRoute', (route) => {
    const operation = route.config?.operation
    if (operation === undefined || route.schema !== undefined) return
    const { params, querystring, headers, body } = routeOf(operation).schema
    route.schema = { querystring, ...body && { body } }
    if (Object.keys(params.properties).length > 0) route.schema.params = params
    if (Object.keys(headers.properties).length > 0) route.schema.headers = headers
  })
}
