import { createRequire } from 'node:module'
import jwt from 'jsonwebtoken'

const gateway = createRequire(import.meta.url)('fast-gateway')
const { PORT, UPSTREAM, PUBLIC_KEY, MODE } = process.env as Record<string, string>

interface Exchange {
  headers: Record<string, string>
}

function authenticate (request: Exchange, response: { send (body: object, status: number): void }, next: () => void) {
  try {
    const claims = jwt.verify((request.headers.authorization ?? '').slice(7), PUBLIC_KEY!, { algorithms: ['RS256'] })
    request.headers['x-user-id'] = String(claims.sub)
    next()
  } catch {
    response.send({ error: 'unauthorized' }, 401)
  }
}

// Its routes end in `/*`, which does not match the collection itself: that needs a route of its own, or POST is 404.
const route = (prefix: string, pathRegex?: string) => ({
  prefix,
  prefixRewrite: prefix,
  target: UPSTREAM,
  ...pathRegex !== undefined && { pathRegex }
})

await gateway({
  middlewares: MODE === 'plain' ? [] : [authenticate],
  routes: [route('/api/posts'), route('/api/posts', ''), route('/.well-known')]
}).start(Number(PORT), '127.0.0.1')
