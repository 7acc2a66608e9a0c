import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest
} from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { TSchema } from '@sinclair/typebox'
import { largestBody } from '@gatepost/contracts/body-size'
import { allowedMethods } from './server/allowed-methods.ts'
import { bodyParser } from './server/body-parser.ts'
import { brokenRequests, type ParserError } from './server/broken-requests.ts'
import { endsConnection, lastExchangeOf, trackExchanges } from './exchanges.ts'
import { lineWriter, type WriteLine } from './log.ts'
import { lingerBeforeClose } from './server/lingering-close.ts'
import { answerProblem } from './server/problem-answers.ts'
import { faultOfHead } from './server/request-head.ts'
import { routableTarget } from './server/request-target.ts'
import { ProblemError } from './problem.ts'
import { requestId } from './request-id.ts'
import { tracing } from './tracing.ts'
import { compileValidator } from './validation.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Set once the process drains: it is not ready any more, and every answer closes its connection. */
    lifecycle: { draining: boolean }
    /** The methods that some route knows for a path as it was sent. */
    allowedMethods (path: string): string[]
    /** Names and values in turn of the headers that every answer has, for answers past Fastify. */
    fixedHeaders: readonly string[]
    writeLine: WriteLine
  }
  interface FastifyRequest {
    /** The body as it arrived; undefined without one. */
    rawBody: Buffer | undefined
  }
}

export interface ServerOptions {
  log: FastifyBaseLogger
  /** Limit of a request body in bytes; a larger body is 413, as is a body larger than its operation's can be. */
  bodyLimit?: number
  /** Whether spans are recorded for export. */
  recordTraces?: boolean
  /** The most requests a second whose spans are recorded; all by default. */
  tracesPerSecond?: number | undefined
  /**
   * Headers of every answer, also of answers that no route or hook sees: broken requests and targets that cannot be
   * routed.
   */
  headers?: Readonly<Record<string, string>>
  /**
   * Milliseconds that an idle connection is kept; longer than the caller keeps its own, so that the caller closes
   * first.
   */
  keepAliveTimeout?: number
  /**
   * Milliseconds without a byte in either direction during a request; then the connection is cut. It is longer than any
   * answer takes to begin, and than the time for a request, whose end is 408. It is longer at a service than at the
   * gateway, so that the gateway gives up a client that does not read, and the service counts no failure.
   */
  connectionTimeout?: number
}

const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
/** Node's limit for the head of a request: no parameter is longer, so each meets its operation's own pattern. */
const PARAM_LENGTH = 16_384

export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** A Fastify server with the behaviour that every process of the system has at its door. It does not listen. */
export function createServer (
  {
    log,
    bodyLimit = 1_048_576,
    recordTraces = false,
    tracesPerSecond,
    headers = {},
    keepAliveTimeout = 75_000,
    connectionTimeout = 120_000
  }: ServerOptions
): App {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: (raw) => requestId(raw.headers['x-request-id']),
    requestIdHeader: false,
    bodyLimit,
    keepAliveTimeout,
    connectionTimeout,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Doubled headers are joined, so that their reader sees both; by default Node keeps the first.
    // Node would refuse a missing Host past all hooks.
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
      requireHostHeader: false,
      joinDuplicateHeaders: true
    },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAM_LENGTH },
    rewriteUrl: ({ url }) => routableTarget(url!),
    clientErrorHandler: (error, socket) => { broken.onParserError(error as object as ParserError, socket as Socket) },
    frameworkErrors: (error, request, reply) => answerProblem(error, request, reply.headers(headers))
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as App

  const broken = brokenRequests(app, headers)
  app.server.on('connect', broken.onTunnel)
  app.server.maxHeadersCount = 0 // Node would drop headers beyond a thousand, a second Host or a token among them
  trackExchanges(app.server, app.routing)
  lingerBeforeClose(
    app.server,
    (socket) => broken.isBroken(socket) || lastExchangeOf(socket)?.request.complete === false
  )

  app.decorate('lifecycle', { draining: false })
  app.decorate('allowedMethods', allowedMethods(app))
  app.decorate('fixedHeaders', Object.entries(headers).flat())
  app.decorate('writeLine', lineWriter(log))
  app.decorate('limitBroken', undefined)
  app.decorateRequest('rawBody', undefined)
  app.decorateRequest('route', null as never)
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => compileValidator(schema, httpPart ?? 'body'))
  app.setErrorHandler((error, request, reply) => answerProblem(error, request, reply))
  app.setNotFoundHandler((request) => {
    const fault = faultOfHead(request)
    if (fault !== undefined) throw fault
    const allow = app.allowedMethods(request.originalUrl)
    throw allow.length > 0
      ? new ProblemError('METHOD_NOT_ALLOWED', { headers: { allow: allow.join(', ') } })
      : new ProblemError('ROUTE_NOT_FOUND')
  })

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', bodyParser(bodyLimit))
  app.setChildLoggerFactory((logger) => logger) // lines about a request name its id
  app.addHook('onRoute', (route) => {
    const body = route.config?.operation?.body
    if (body) route.bodyLimit = Math.min(largestBody(body), bodyLimit)
    // After the hooks of all routes, so after the one that judges the caller.
    route.onRequest = [route.onRequest ?? [], checkHead].flat()
  })

  app.register(tracing, { record: recordTraces, perSecond: tracesPerSecond })
  app.addHook('onRequest', (request, reply, done) => {
    request.route = request.routeOptions
    reply.header('x-request-id', request.id)
    if (app.lifecycle.draining || (isBodyless(request.method) && endsConnection(request.raw))) {
      reply.header('connection', 'close')
    }
    done()
  })
  if (app.fixedHeaders.length > 0) {
    app.addHook('onSend', (_request, reply, payload, done) => {
      for (const name in headers) if (!reply.hasHeader(name)) reply.header(name, headers[name])
      done(null, payload)
    })
  }
  return app
}

function checkHead (request: FastifyRequest, _reply: FastifyReply, done: (fault?: ProblemError) => void) {
  done(faultOfHead(request))
}

/** Whether Fastify leaves the body of such a request unread, so that Node would read it for as long as it comes. */
function isBodyless (method: string) {
  return method === 'GET' || method === 'HEAD' || method === 'TRACE'
}
