import { Readable } from 'node:stream'
import { getMe } from '@gatepost/contracts/auth/account-operations'
import { listSessions } from '@gatepost/contracts/auth/session-operations'
import { exportMe } from '@gatepost/contracts/gateway/operations'
import type { Operation } from '@gatepost/contracts/operation'
import { unauthorized } from '@gatepost/service-kit/identity'
import { retryAfter } from '@gatepost/service-kit/problem'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { OverloadedError, UpstreamBrokenError, upstreamProblem } from '../errors.ts'
import { requestHeadersOf } from '../proxy/request-headers.ts'
import { collect } from '../upstreams/collect.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { exportOf, type Read } from './export-service.ts'

/** Exports under way at a time; each has one page in memory. */
const MOST = 8
const RETRY_SECONDS = 5

export function exportRoutes (app: App, upstreams: { auth: Upstream, posts: Upstream }) {
  const { response, ...schema } = routeOf(exportMe).schema // pieces of documents that the services have checked already
  const { timeoutMs } = getMe
  const headersOf = requestHeadersOf(listSessions as unknown as Operation)
  let underWay = 0

  app.route({
    ...routeOf(exportMe),
    schema,
    async handler (request, reply) {
      if (underWay >= MOST) throw new OverloadedError({ headers: retryAfter(RETRY_SECONDS) })
      underWay++
      reply.raw.once('close', () => { underWay-- })
      const headers = headersOf(request)
      const read: Read = async (service, path) => {
        const call = collect(upstreams[service], { method: 'GET', path, headers, timeoutMs })
        reply.raw.once('close', call.cancel)
        const answer = await call.answer
        reply.raw.off('close', call.cancel)
        if (typeof answer !== 'object') throw upstreamProblem(answer)
        if (answer.status === 401) throw unauthorized(true)
        if (answer.status !== 200) throw new UpstreamBrokenError()
        return parsed(answer.body)
      }
      const pieces = await exportOf(request.principal!.userId, read)
      reply.header('cache-control', 'no-store').header(
        'content-disposition',
        'attachment; filename="gatepost-export.json"'
      )
      return reply.type('application/json; charset=utf-8').send(Readable.from(pieces))
    }
  })
}

function parsed (body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new UpstreamBrokenError()
  }
}
