// An Express gateway of the usual parts.
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { createProxyMiddleware, fixRequestBody } from 'http-proxy-middleware'
import jwt from 'jsonwebtoken'
import { isPostBody } from './post-body.ts'

const { PORT, UPSTREAM, PUBLIC_KEY, MODE, LIMIT_MAX, LIMIT_SECONDS } = process.env as Record<string, string>

const app = express()
if (MODE !== 'plain') {
  app.use(helmet())
  app.use(rateLimit({ windowMs: Number(LIMIT_SECONDS) * 1000, limit: Number(LIMIT_MAX), validate: false }))
  app.use((request, response, next) => {
    try {
      const claims = jwt.verify((request.headers.authorization ?? '').slice(7), PUBLIC_KEY!, { algorithms: ['RS256'] })
      request.headers['x-user-id'] = String(claims.sub)
      process.stdout.write(`${JSON.stringify({ time: Date.now(), method: request.method, url: request.url })}\n`)
      next()
    } catch {
      response.status(401).json({ error: 'unauthorized' })
    }
  })
  app.use(express.json(), (request, response, next) => {
    if (request.method === 'POST' && !isPostBody(request.body)) response.status(400).json({ error: 'invalid' })
    else next()
  })
}
app.use(createProxyMiddleware({ target: UPSTREAM, changeOrigin: true, on: { proxyReq: fixRequestBody } }))
app.listen(Number(PORT), '127.0.0.1')
