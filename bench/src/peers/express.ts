// An Express gateway of the usual parts.
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { createProxyMiddleware } from 'http-proxy-middleware'
import jwt from 'jsonwebtoken'

const { PORT, UPSTREAM, PUBLIC_KEY } = process.env as Record<string, string>

const app = express()
app.use(helmet())
app.use(rateLimit({ windowMs: 1000, limit: 1e9, validate: false }))
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
app.use(createProxyMiddleware({ target: UPSTREAM, changeOrigin: true }))
app.listen(Number(PORT), '127.0.0.1')
