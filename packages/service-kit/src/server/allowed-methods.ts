import type { FastifyInstance } from 'fastify'

/** Remembers the routes of an app as they are added, to tell 405 from 404. */
export function allowedMethods (app: FastifyInstance) {
  const routes = new Map<string, { pattern: RegExp, methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return // a plugin's catch-all does not make a path exist
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() }
    for (const name of [method].flat()) route.methods.add(name)
    routes.set(url, route)
  })
  return (target: string) => {
    const path = target.split('?', 1)[0]!
    const methods = [...routes.values()].filter(({ pattern }) => pattern.test(path)).flatMap((
      route
    ) => [...route.methods])
    return [...new Set(methods)].sort()
  }
}

function patternOf (url: string) {
  const source = url.split('/').map((part) =>
    part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  )
  return new RegExp(`^${source.join('/')}$`)
}
