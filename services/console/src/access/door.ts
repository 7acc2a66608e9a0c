import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isSecret, type Visitors } from './visitors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The key of the visitor that asks; '' for an exporter of traces. */
    visitor: string
  }
}

export interface DoorOptions {
  visitors: Visitors
  /** What exporters of traces present; without it nobody may send any. */
  tracesToken: string | undefined
}

const COOKIE = 'gatepost_console'
export const TRACES_PATH = '/v1/traces'
const OPEN_PATH = '/open'
/** A name that a stranger's DNS leads here (rebinding) is none of these. */
const OWN_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/
const SAFE = new Set(['GET', 'HEAD'])

/**
 * Nobody gets past it without the cookie, which a link gives once. What changes something must come from a page of the
 * console, too: the cookie of one port is sent by pages of every other port of this host.
 */
export const door = fp<DoorOptions>(
  async (app, { visitors, tracesToken }) => {
    app.decorateRequest('visitor', '')
    app.addHook('onRequest', async (request, reply) => {
      const { host = '', authorization = '', cookie = '', origin } = request.headers
      if (!OWN_HOST.test(host)) return refuse(reply, 421, 'The console answers at 127.0.0.1 and localhost alone.')
      const route = request.routeOptions.url
      if (route === TRACES_PATH) {
        const given = /^Bearer (\S+)$/.exec(authorization)?.[1] ?? ''
        return tracesToken !== undefined && isSecret(given, tracesToken) ? undefined : refuse(reply, 401, 'No token.')
      }
      if (route === OPEN_PATH) return
      const visitor = visitors.find(cookieIn(cookie))
      if (visitor === undefined) {
        return refuse(
          reply,
          401,
          'Open the console by the link that `pnpm start` prints. A link works once; an open console makes more.'
        )
      }
      if (!SAFE.has(request.method) && (origin !== `http://${host}` || isForeign(request))) {
        return refuse(reply, 403, 'Only pages of the console change something.')
      }
      request.visitor = visitor
    })

    app.get(OPEN_PATH, async (request, reply) => {
      reply.header('cache-control', 'no-store')
      if (!isVisit(request)) return refuse(reply, 403, 'Only opening the link uses it; it is still good.')
      const { token } = request.query as { token?: unknown }
      const cookie = typeof token === 'string' ? visitors.enter(token) : undefined
      if (cookie === undefined) return refuse(reply, 401, 'This link was used before, or is too old.')
      return reply.header('set-cookie', `${COOKIE}=${cookie}; Path=/; HttpOnly; SameSite=Strict`).redirect('/', 303)
    })

    app.post('/api/links', async ({ headers: { host } }) => ({
      url: `http://${host}${OPEN_PATH}?token=${visitors.invite()}`
    }))
  },
  { name: 'door' }
)

function refuse (reply: FastifyReply, status: number, text: string) {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${text}\n`)
}

function cookieIn (header: string) {
  return new RegExp(`(?:^|; )${COOKIE}=([\\w-]{43})(?:;|$)`).exec(header)?.[1] ?? ''
}

/** Link checkers ask by HEAD, and browsers fetch links ahead that nobody has opened. */
function isVisit ({ method, headers }: FastifyRequest) {
  const purposes = [headers['sec-purpose'], headers.purpose, headers['x-moz'], headers['x-purpose']]
  return method === 'GET' && !/prefetch|prerender|preview/i.test(purposes.join())
}

function isForeign ({ headers }: FastifyRequest) {
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin'
}
