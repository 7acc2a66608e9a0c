import { getAsyncApi, getDocs, getIndex, getOpenApi, getReady } from '@gatepost/contracts/gateway/operations'
import { API } from '@gatepost/contracts/openapi'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
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

/** Browsers name HTML, and JSON not at all; a program that takes anything is not meant. */
function prefersHtml (accept: string) {
  const types = accept.split(',').map((range) => range.trim().toLowerCase())
  return types.some((type) => /^text\/html(?!.*;\s*q=0(?:\.0*)?$)/.test(type)) &&
    !types.some((type) => type.startsWith('application/json'))
}
