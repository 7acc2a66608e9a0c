// The plugins as their READMEs show them: the result of an afternoon.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import proxy from '@fastify/http-proxy'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import { fastify } from 'fastify'
import { postBody } from './post-body.ts'

const { PORT, UPSTREAM, PUBLIC_KEY, MODE, LIMIT_MAX, LIMIT_SECONDS } = process.env as Record<string, string>

const app = fastify({ logger: MODE !== 'plain' })
if (MODE === 'plain') await app.register(proxy, { upstream: UPSTREAM! })
else {
  app.addHook('onRoute', (route) => {
    route.preValidation = async (request) => {
      if (request.method === 'POST' && !request.validateInput(request.body, postBody)) {
        throw Object.assign(new Error('invalid'), { statusCode: 400 })
      }
    }
  })
  await app.register(helmet)
  await app.register(cors, { origin: ['http://localhost:5173'] })
  await app.register(rateLimit, { max: Number(LIMIT_MAX), timeWindow: Number(LIMIT_SECONDS) * 1000 })
  await app.register(jwt, { secret: { public: PUBLIC_KEY! }, verify: { algorithms: ['RS256'] } })
  const replyOptions = {
    rewriteRequestHeaders: (request, headers) => ({
      ...headers,
      'x-user-id': (request.user as { sub: string }).sub,
      'x-request-id': request.id
    })
  }
  const routes = {
    upstream: UPSTREAM!,
    prefix: '/api/posts',
    rewritePrefix: '/api/posts',
    replyOptions,
    proxyPayloads: false
  }
  await app.register(proxy, {
    ...routes,
    preHandler: async (request) => {
      await request.jwtVerify()
    }
  })
}
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
