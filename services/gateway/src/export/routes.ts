import { Readable } from 'node:stream'
import { exportMe } from '@gatepost/contracts/gateway/operations'
import type { Operation } from '@gatepost/contracts/operation'
import { unauthorized } from '@gatepost/service-kit/identity'
import { retryAfter } from '@gatepost/service-kit/problem'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { OverloadedError, RateLimitedError, UpstreamBrokenError, upstreamProblem } from '../errors.ts'
import { requestHeadersOf } from '../proxy/request-headers.ts'
import { collect } from '../upstreams/collect.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { exportOf, exportReads, type Read, type ReadName } from './export-service.ts'
import { createSlots } from './slots.ts'

/** Exports under way at a time, of all users and of one; each has one page in memory. */
const MOST = 32
const MOST_OF_A_USER = 1
const RETRY_SECONDS = 5

export function exportRoutes (app: App, upstreams: { auth: Upstream, posts: Upstream }) {
  const { response, ...schema } = routeOf(exportMe).schema // pieces of documents that the services have checked already
  const calls = callsOf(upstreams)
  const slots = createSlots({ most: MOST, perHolder: MOST_OF_A_USER })

  app.route({
    ...routeOf(exportMe),
    schema,
    async handler (request, reply) {
      const { userId } = request.principal!
      const refusal = slots.take(userId)
      if (refusal === 'holder') throw new RateLimitedError({ headers: retryAfter(RETRY_SECONDS) })
      if (refusal === 'all') throw new OverloadedError({ headers: retryAfter(RETRY_SECONDS) })
      reply.raw.once('close', () => slots.release(userId))
      const read: Read = async (name, query = '') => {
        const { upstream, headersOf, ...rest } = calls[name]
        const call = collect(upstream, { ...rest, path: `${rest.path}${query}`, headers: headersOf(request) })
        reply.raw.once('close', call.cancel)
        const answer = await call.answer
        reply.raw.off('close', call.cancel)
        if (typeof answer !== 'object') throw upstreamProblem(answer)
        if (answer.status === 401) throw unauthorized(true)
        if (answer.status !== 200) throw new UpstreamBrokenError()
        return parsed(answer.body)
      }
      const pieces = await exportOf(userId, read)
      reply.header('cache-control', 'no-store').header(
        'content-disposition',
        'attachment; filename="gatepost-export.json"'
      )
      return reply.type('application/json; charset=utf-8').send(Readable.from(pieces))
    }
  })
}

/** Each read with the headers of its own operation. */
function callsOf (upstreams: { auth: Upstream, posts: Upstream }) {
  const callOf = (operation: Operation) => ({
    upstream: upstreams[operation.service as keyof typeof upstreams],
    headersOf: requestHeadersOf(operation),
    method: operation.method,
    path: operation.url,
    timeoutMs: operation.timeoutMs
  })
  return Object.fromEntries(Object.entries(exportReads).map(([name, read]) => [name, callOf(read as never)])) as Record<
    ReadName,
    ReturnType<typeof callOf>
  >
}

function parsed (body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new UpstreamBrokenError()
  }
}
