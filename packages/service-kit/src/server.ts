import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { TSchema } from '@sinclair/typebox'
import { parseJson } from './json.ts'
import { allowedMethods } from './server/allowed-methods.ts'
import { answerProblem, brokenRequestAnswer } from './server/problem-answers.ts'
import { ProblemError } from './problem.ts'
import { requestId } from './request-id.ts'
import { tracing } from './tracing.ts'
import { compileValidator } from './validation.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Set once the process is told to stop: not ready any more, and every answer closes its connection. */
    lifecycle: { draining: boolean }
    /** The methods that some route knows for a path as it was sent. */
    allowedMethods (path: string): string[]
    /** Names and values in turn of the headers that every answer has; for whoever writes an answer past Fastify. */
    fixedHeaders: readonly string[]
  }
  interface FastifyRequest {
    /** The body as it arrived; undefined without one. */
    rawBody: Buffer | undefined
  }
}

export interface ServerOptions {
  log: FastifyBaseLogger
  /** Bytes of a request body; more is 413. */
  bodyLimit?: number
  /** Whether spans are recorded for export. */
  recordTraces?: boolean
  /** Set on every answer, also on those that no route or hook sees: broken requests and targets that cannot be routed. */
  headers?: Readonly<Record<string, string>>
  /** Milliseconds that an idle connection is kept; longer than the caller keeps its own, so that the caller closes first. */
  keepAliveTimeout?: number
  /**
   * Milliseconds without a byte in either direction while a request is under way; then the connection is cut. Longer than
   * any answer takes to begin, and than the time for a request, whose end is 408. At a service it is longer than at the
   * gateway, so that a client that does not read is the gateway's to give up, and no failure of the service.
   */
  connectionTimeout?: number
}

const JSON_MEDIA_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const PARAM_LENGTH = 128

export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** A Fastify server with the behaviour that every process of the system has at its door. It does not listen. */
export function createServer ({ log, bodyLimit = 1_048_576, recordTraces = false, headers = {}, keepAliveTimeout = 75_000, connectionTimeout = 120_000 }: ServerOptions): App {
  const answerBroken = brokenRequestAnswer(headers)
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: (raw) => requestId(raw.headers['x-request-id']),
    requestIdHeader: false,
    bodyLimit,
    keepAliveTimeout,
    connectionTimeout,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Doubled headers are joined, so that whoever reads one sees that there were two; by default Node keeps the first.
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 1000, requireHostHeader: true, joinDuplicateHeaders: true },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAM_LENGTH },
    clientErrorHandler: answerBroken,
    frameworkErrors: (error, request, reply) => answerProblem(error, request, reply.headers(headers))
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as App

  app.decorate('lifecycle', { draining: false })
  app.decorate('allowedMethods', allowedMethods(app))
  app.decorate('fixedHeaders', Object.entries(headers).flat())
  app.decorateRequest('rawBody', undefined)
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => compileValidator(schema, httpPart ?? 'body'))
  app.setErrorHandler((error, request, reply) => answerProblem(error, request, reply))
  app.setNotFoundHandler((request) => {
    const allow = app.allowedMethods(request.url)
    throw allow.length > 0 ? new ProblemError('METHOD_NOT_ALLOWED', { headers: { allow: allow.join(', ') } }) : new ProblemError('ROUTE_NOT_FOUND')
  })

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (!JSON_MEDIA_TYPE.test(request.headers['content-type'] ?? '')) return done(new ProblemError('UNSUPPORTED_MEDIA_TYPE'))
    try {
      request.rawBody = bytes as Buffer
      done(null, bytes.length === 0 ? undefined : parseJson(bytes as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })

  app.register(tracing, { record: recordTraces })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    if (app.lifecycle.draining) reply.header('connection', 'close')
    done()
  })
  if (app.fixedHeaders.length > 0) {
    app.addHook('onSend', (_request, reply, payload, done) => {
      for (const name in headers) if (!reply.hasHeader(name)) reply.header(name, headers[name])
      done(null, payload)
    })
  }
  app.addHook('preParsing', (request, _reply, payload, done) => {
    done(request.headers['content-encoding'] === undefined ? null : new ProblemError('UNSUPPORTED_MEDIA_TYPE'), payload)
  })
  app.addHook('preValidation', (request, _reply, done) => {
    done(isDecodable(request.url) ? undefined : new ProblemError('REQUEST_INVALID', { errors: [{ path: '/query', message: 'is not valid percent-encoded UTF-8' }] }))
  })
  app.server.on('checkExpectation', (request, response) => {
    answerBroken(Object.assign(new Error('expectation'), { code: 'EXPECTATION_FAILED' }), request.socket)
    response.destroy()
  })
  return app
}

function isDecodable (url: string) {
  const start = url.indexOf('?')
  if (start < 0 || !url.includes('%', start)) return true
  try {
    decodeURIComponent(url.slice(start))
    return true
  } catch {
    return false
  }
}
