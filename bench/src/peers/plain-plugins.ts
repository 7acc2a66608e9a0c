// The plugins as their READMEs show them: what one has after an afternoon.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import proxy from '@fastify/http-proxy'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import { fastify } from 'fastify'

const { PORT, UPSTREAM, PUBLIC_KEY } = process.env as Record<string, string>

const app = fastify({ logger: true })
await app.register(helmet)
await app.register(cors, { origin: ['http://localhost:5173'] })
await app.register(rateLimit, { max: 1e9, timeWindow: '1 second' })
await app.register(jwt, { secret: { public: PUBLIC_KEY! }, verify: { algorithms: ['RS256'] } })
await app.register(proxy, {
  upstream: UPSTREAM!,
  prefix: '/api/posts',
  rewritePrefix: '/api/posts',
  preHandler: async (request) => { await request.jwtVerify() },
  replyOptions: { rewriteRequestHeaders: (request, headers) => ({ ...headers, 'x-user-id': (request.user as { sub: string }).sub, 'x-request-id': request.id }) }
})
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
