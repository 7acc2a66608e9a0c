import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { Operation } from '@gatepost/contracts/operation'
import { fastify, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** What pages of other origins may read beside the body. */
const EXPOSED = ['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after', 'etag', 'location', 'idempotency-replayed']
const ALWAYS_ALLOWED = ['authorization', 'content-type', 'x-request-id', 'traceparent']

export interface CrossOriginOptions {
  operations: readonly Operation[]
  /** Origins whose pages may call; none: the browser keeps all others out. */
  origins: readonly string[]
}

/**
 * Cross-origin calls with @fastify/cors, from a list of origins only. What the plugin adds to an ordinary answer depends
 * on the origin alone, so it is asked once for each and remembered. Comes before whatever may refuse, so that pages can
 * read refusals too.
 */
export const crossOrigin = fp<CrossOriginOptions>(async (app, options) => {
  if (options.origins.length === 0) return
  const answers = await headersByOrigin(corsOptions(options), options.origins)
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(answers.get(request.headers.origin ?? '') ?? answers.get('')!)
    done()
  })
}, { name: 'cross-origin' })

/** OPTIONS of every path: what it allows, and the answer of @fastify/cors to preflights. Comes after admission. */
export const preflights = fp<CrossOriginOptions>(async (app, options) => {
  const byUrl = Map.groupBy(options.operations, ({ url }) => url)
  await app.register(async (scope) => {
    scope.addHook('onRequest', (request, reply, done) => {
      const known = byUrl.get(request.routeOptions.url ?? '')
      if (known) reply.header('allow', methodsOf(known).join(', '))
      done()
    })
    await scope.register(cors, corsOptions(options))
    for (const [url, known] of byUrl) {
      scope.options(url, { config: { auth: 'none', cors: { methods: methodsOf(known) } } }, (_request, reply) => reply.code(204).send())
    }
  })
}, { name: 'preflights', dependencies: ['admission'] })

function corsOptions ({ operations, origins }: CrossOriginOptions): FastifyCorsOptions {
  return {
    origin: origins.length > 0 ? [...origins] : false,
    exposedHeaders: EXPOSED,
    allowedHeaders: [...new Set([...ALWAYS_ALLOWED, ...operations.flatMap((operation) => Object.keys(operation.headers.properties))])],
    maxAge: 600,
    strictPreflight: false
  }
}

function methodsOf (operations: readonly Operation[]) {
  const methods = operations.map(({ method }) => method as string)
  return [...new Set([...methods, ...methods.includes('GET') ? ['HEAD'] : [], 'OPTIONS'])].sort()
}

/** What the plugin adds for each allowed origin, and under '' for all others. */
async function headersByOrigin (options: FastifyCorsOptions, origins: readonly string[]) {
  const model: FastifyInstance = fastify()
  await model.register(cors, options)
  model.get('/', () => '')
  const entries = await Promise.all(['', ...origins].map(async (origin) => {
    const { headers } = await model.inject({ url: '/', headers: { origin: origin || 'https://nobody.invalid' } })
    const added = Object.entries(headers).filter(([name]) => name === 'vary' || name.startsWith('access-control-'))
    return [origin, Object.fromEntries(added.map(([name, value]) => [name, String(value)]))] as const
  }))
  await model.close()
  return new Map(entries)
}
