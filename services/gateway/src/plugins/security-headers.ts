import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import { fastify, type FastifyInstance } from 'fastify'

/** For answers that are data: nothing in them may be run, framed or guessed. */
export const apiPolicy: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'frame-ancestors': ["'none'"],
      'base-uri': ["'none'"],
      'form-action': ["'none'"]
    }
  },
  crossOriginResourcePolicy: { policy: 'same-origin' },
  referrerPolicy: { policy: 'no-referrer' },
  xFrameOptions: { action: 'deny' }
}

/**
 * The headers that @fastify/helmet sets, asked for once: they are the same on every answer, and computing them anew for
 * each costs more than forwarding a request does.
 */
export async function securityHeaders (policy: FastifyHelmetOptions): Promise<Record<string, string>> {
  const model: FastifyInstance = fastify()
  await model.register(helmet, policy)
  const names = new Set<string>()
  model.get('/', (_request, reply) => {
    for (const name of reply.raw.getHeaderNames()) names.add(name)
    return ''
  })
  const { headers } = await model.inject('/')
  await model.close()
  return Object.fromEntries([...names].map((name) => [name, String(headers[name])]))
}
