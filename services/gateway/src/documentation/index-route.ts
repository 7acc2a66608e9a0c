import { getAsyncApi, getDocs, getIndex, getOpenApi, getReady } from '@gatepost/contracts/gateway/operations'
import { API } from '@gatepost/contracts/openapi'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { prefersHtml } from '../html/prefers-html.ts'
import { addVary } from '../proxy/vary.ts'

const index = { ...API, docs: getDocs.url, openapi: getOpenApi.url, asyncapi: getAsyncApi.url, health: getReady.url }

/** `GET /`: where a stranger begins. */
export function indexRoute (app: App) {
  app.route({
    ...routeOf(getIndex),
    handler (request, reply) {
      addVary(reply, 'Accept')
      if (prefersHtml(request.headers.accept ?? '')) reply.redirect(index.docs, 303)
      else reply.send(index)
    }
  })
}
