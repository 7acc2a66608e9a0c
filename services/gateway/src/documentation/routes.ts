import { asyncApi } from '@gatepost/contracts/asyncapi'
import { getAsyncApi, getDocs, getEventDocs, getOpenApi, getProblem } from '@gatepost/contracts/gateway/operations'
import { openApi } from '@gatepost/contracts/openapi'
import { loadOnce } from '@gatepost/service-kit/load-once'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { FastifyReply } from 'fastify'
import { RouteNotFoundError } from '../errors.ts'
import { discoveryRoutes } from './discovery-routes.ts'
import { eventPage } from './event-pages.ts'
import { indexRoute } from './index-route.ts'
import { createPage, sendPage } from '../html/page.ts'
import { problemPage } from './problem-pages.ts'
import { createReference, SCRIPT_PATH } from './reference.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/**
 * The contract as documents and pages; all of it is made once, from the same data that requests are checked against.
 */
export async function documentationRoutes (app: App, { publicUrl, natsUrl }: { publicUrl: string, natsUrl: string }) {
  const openApiText = JSON.stringify(openApi(publicUrl))
  const asyncApiText = JSON.stringify(asyncApi(natsUrl))
  const events = await createPage({ html: eventPage(), directives: { 'img-src': ['data:'] } })
  const { headers: problemHeaders } = await createPage({ html: '', directives: { 'img-src': ['data:'] } })
  const getReference = loadOnce(createReference)

  indexRoute(app)
  discoveryRoutes(app, { publicUrl })
  app.get(getOpenApi.url, routeOptions(getOpenApi), (_request, reply) => sendJson(reply, openApiText))
  app.get(getAsyncApi.url, routeOptions(getAsyncApi), (_request, reply) => sendJson(reply, asyncApiText))
  app.get(getDocs.url, routeOptions(getDocs), async (_request, reply) => sendPage(reply, (await getReference()).page))
  app.get(getEventDocs.url, routeOptions(getEventDocs), (_request, reply) => sendPage(reply, events))
  app.get<{ Params: { code: string } }>(getProblem.url, routeOptions(getProblem), (request, reply) => {
    const html = problemPage(request.params.code)
    if (html === undefined) throw new RouteNotFoundError()
    return sendPage(reply, { html, headers: problemHeaders })
  })
  app.get(SCRIPT_PATH, { config: { auth: 'none' } }, async (request, reply) => {
    const { source, etag } = (await getReference()).script
    reply.headers({ etag, 'cache-control': 'public, max-age=86400' })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type('text/javascript; charset=utf-8').send(source)
  })
}

/** The texts are made already, so the responses' schemas, which serialise, are left out. */
function routeOptions (operation: Parameters<typeof routeOf>[0]) {
  const { config, schema: { params, querystring } } = routeOf(operation)
  return { config, schema: { params, querystring } }
}

function sendJson (reply: FastifyReply, text: string) {
  return reply.type(JSON_TYPE).serializer(String).send(text)
}
