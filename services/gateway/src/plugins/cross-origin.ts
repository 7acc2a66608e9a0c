import cors, { type FastifyCorsOptions } from '@fastify/cors'
import { type Operation } from '@gatepost/contracts/operation'
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
 * Cross-origin calls with @fastify/cors, from a list of origins only. Preflights go through the plugin; what it adds to
 * an ordinary answer depends on the origin alone, so it is asked once for each and remembered.
 */
export const crossOrigin = fp<CrossOriginOptions>(async (app, { operations, origins }) => {
  const options: FastifyCorsOptions = {
    origin: origins.length > 0 ? [...origins] : false,
    exposedHeaders: EXPOSED,
    allowedHeaders: [...new Set([...ALWAYS_ALLOWED, ...operations.flatMap((operation) => Object.keys(operation.headers.properties))])],
    maxAge: 600,
    strictPreflight: false
  }
  const answers = await headersByOrigin(options, origins)

  if (origins.length > 0) {
    app.addHook('onRequest', (request, reply, done) => {
      const { origin } = request.headers
      reply.headers(answers.get(origin ?? '') ?? answers.get('')!)
      done()
    })
  }

  const byUrl = Map.groupBy(operations, ({ url }) => url)
  await app.register(async (scope) => {
    scope.addHook('onRequest', (request, reply, done) => {
      const known = byUrl.get(request.routeOptions.url ?? '')
      if (known) reply.header('allow', methodsOf(known).join(', '))
      done()
    })
    await scope.register(cors, options)
    for (const [url, known] of byUrl) {
      scope.options(url, { config: { auth: 'none', cors: { methods: methodsOf(known) } } }, (_request, reply) => reply.code(204).send())
    }
  })
}, { name: 'cross-origin' })

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
