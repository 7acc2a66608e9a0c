import { createRequire } from 'node:module'
import jwt from 'jsonwebtoken'

const gateway = createRequire(import.meta.url)('fast-gateway')
const { PORT, UPSTREAM, PUBLIC_KEY } = process.env as Record<string, string>

interface Exchange {
  headers: Record<string, string>
}

await gateway({
  middlewares: [(request: Exchange, response: { send (body: object, status: number): void }, next: () => void) => {
    try {
      const claims = jwt.verify((request.headers.authorization ?? '').slice(7), PUBLIC_KEY!, { algorithms: ['RS256'] })
      request.headers['x-user-id'] = String(claims.sub)
      next()
    } catch {
      response.send({ error: 'unauthorized' }, 401)
    }
  }],
  routes: [{ prefix: '/api/posts', prefixRewrite: '/api/posts', target: UPSTREAM }]
}).start(Number(PORT), '127.0.0.1')
