import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { Operation } from '@gatepost/contracts/operation'
import { fastify, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { exampleOrigin, originPattern } from './allowed-origins.ts'

/** Response headers that pages of other origins may read beside the declared ones. */
const EXPOSED = ['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after', 'www-authenticate', 'etag', 'location']
/** Request headers that such pages may send beside the declared ones; the gateway continues the trace context. */
const ALWAYS_ALLOWED = ['authorization', 'content-type', 'x-request-id', 'traceparent', 'tracestate']

export interface CrossOriginOptions {
  operations: readonly Operation[]
  /** Origins whose pages may call; none: the browser keeps all others out. See {@link checkOrigin} for their form. */
  origins: readonly string[]
  /** Further request headers that pages may send. */
  headers: readonly string[]
}

/**
 * Cross-origin calls with @fastify/cors, from a list of origins only. What the plugin adds to an ordinary answer
 * depends on the origin alone, so it is asked once for each item of the list and remembered. Comes before whatever may
 * refuse, so that pages can read refusals too.
 */
export const crossOrigin = fp<CrossOriginOptions>(async (app, options) => {
  const { origins } = options
  if (origins.length === 0) return
  const answers = await headersByItem(corsOptions(options), origins)
  const others = answers.get('')!
  const patterns = origins.flatMap((item) => {
    const pattern = originPattern(item)
    return typeof pattern === 'string' ? [] : [{ pattern, headers: take(answers, item) }]
  })
  app.addHook('onRequest', (request, reply, done) => {
    const { origin = '' } = request.headers
    const found = answers.get(origin)
    const pattern = found === undefined ? patterns.find(({ pattern }) => pattern.test(origin)) : undefined
    reply.headers(found ?? pattern?.headers ?? others)
    if (pattern !== undefined) reply.header('access-control-allow-origin', origin)
    done()
  })
}, { name: 'cross-origin' })

/** OPTIONS of every path: the allowed methods, and @fastify/cors' answer to preflights. Comes after admission. */
export const preflights = fp<CrossOriginOptions>(async (app, options) => {
  const byUrl = Map.groupBy(options.operations, ({ url }) => url)
  await app.register(async (scope) => {
    scope.addHook('onRequest', (request, reply, done) => {
      const known = byUrl.get(request.route.url ?? '')
      if (known) reply.header('allow', methodsOf(known).join(', '))
      done()
    })
    await scope.register(cors, corsOptions(options))
    for (const [url, known] of byUrl) {
      scope.options(
        url,
        { config: { auth: 'none', cors: { methods: methodsOf(known) } } },
        (_request, reply) => reply.code(204).send()
      )
    }
  })
}, { name: 'preflights', dependencies: ['admission'] })

function corsOptions ({ operations, origins, headers }: CrossOriginOptions): FastifyCorsOptions {
  const answered = operations.flatMap(({ responses }) =>
    Object.values(responses).flatMap((response) => Object.keys(response.headers ?? {}))
  )
  return {
    origin: origins.length > 0 ? origins.map(originPattern) : false,
    // readable anyway
    exposedHeaders: [...new Set([...EXPOSED, ...answered])].filter((name) => name !== 'cache-control'),
    allowedHeaders: [
      ...new Set([
        ...ALWAYS_ALLOWED,
        ...operations.flatMap((operation) => Object.keys(operation.headers.properties)),
        ...headers
      ])
    ],
    maxAge: 600,
    strictPreflight: false
  }
}

function methodsOf (operations: readonly Operation[]) {
  const methods = operations.map(({ method }) => method as string)
  return [...new Set([...methods, ...methods.includes('GET') ? ['HEAD'] : [], 'OPTIONS'])].sort()
}

/** The headers that the plugin adds for each item of the list, and under '' for all other origins. */
async function headersByItem (options: FastifyCorsOptions, items: readonly string[]) {
  const model: FastifyInstance = fastify()
  await model.register(cors, options)
  model.get('/', () => '')
  const entries = await Promise.all(['', ...items].map(async (item) => {
    const { headers } = await model.inject({
      url: '/',
      headers: { origin: item === '' ? 'https://nobody.invalid' : exampleOrigin(item) }
    })
    // A page that may read nothing needs no list of what it may read; most requests are of no page at all.
    const isAllowed = headers['access-control-allow-origin'] !== undefined
    const added = Object.entries(headers).filter(([name]) =>
      name === 'vary' || (isAllowed && name.startsWith('access-control-'))
    )
    return [item, Object.fromEntries(added.map(([name, value]) => [name, String(value)]))] as const
  }))
  await model.close()
  return new Map(entries)
}

function take<Value> (map: Map<string, Value>, key: string): Value {
  const value = map.get(key)!
  map.delete(key)
  return value
}
