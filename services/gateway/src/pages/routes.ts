import { formPages } from '@gatepost/contracts/gateway/page-operations'
import type { Operation } from '@gatepost/contracts/operation'
import { problems, type ProblemCode } from '@gatepost/contracts/problems'
import { type FieldError, ProblemError, retryAfter, toProblem } from '@gatepost/service-kit/problem'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { refuseForeignForm } from '../cross-origin/foreign-form.ts'
import { UpstreamBrokenError, upstreamProblem } from '../errors.ts'
import { createPage, sendPage, STYLE_HASH } from '../html/page.ts'
import { prefersHtml } from '../html/prefers-html.ts'
import { requestHeadersOf } from '../proxy/request-headers.ts'
import { addVary } from '../proxy/vary.ts'
import { collect } from '../upstreams/collect.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { doneHtml, formHtml, type Values } from './form.ts'

const RETRY_SECONDS = 1

/**
 * The pages that links of mails lead to. Showing one changes nothing: programs that look into mails follow links too.
 * Their form is sent to the page itself, which calls the operation. The token is in a query, since a fragment needs a
 * script; so nothing is loaded, cached or told to others from here.
 */
export async function formPageRoutes (app: App, { auth }: { auth: Upstream }) {
  const { headers } = await createPage({
    html: '',
    directives: { 'style-src': [STYLE_HASH], 'form-action': ["'self'"], 'img-src': ['data:'] },
    cacheControl: 'no-store'
  })
  const send = (reply: FastifyReply, html: string) => sendPage(reply, { html, headers })

  for (const { show, submit, action } of formPages) {
    const act = actionOf(action, auth)
    await app.register(async (scope) => {
      scope.setErrorHandler((error, request, reply) => {
        addVary(reply, 'Accept')
        if (!prefersHtml(request.headers.accept ?? '')) throw error
        const refusal = toProblem(error)
        if (refusal.code === 'INTERNAL') request.log.error({ err: error }, 'unexpected error')
        if (!request.raw.complete) reply.header('connection', 'close') // the rest of the form is not read
        const values = { ...request.query as Values, ...request.body as Values }
        return send(reply.code(refusal.statusCode).headers(refusal.headers), formHtml(submit, values, refusal))
      })
      scope.route({
        ...withoutResponse(show),
        handler: (request, reply) => send(reply, formHtml(submit, request.query as Values))
      })
      scope.route({
        ...withoutResponse(submit),
        onRequest: async (request) => refuseForeignForm(request),
        async handler (request, reply) {
          await act(request, reply)
          return send(reply, doneHtml(submit))
        }
      })
    })
  }
}

/** A page is a text already. */
function withoutResponse (operation: Operation) {
  const { schema: { response, ...schema }, ...route } = routeOf(operation)
  return { ...route, schema }
}

/** Calls the operation of auth with the form's members; throws the problem that it answers. */
function actionOf (action: Operation, auth: Upstream) {
  const headersOf = requestHeadersOf(action)
  const { method, url, timeoutMs } = action
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const body = Buffer.from(JSON.stringify(request.body))
    const call = collect(auth, { method, path: url, headers: headersOf(request), body, timeoutMs })
    reply.raw.once('close', call.cancel)
    const answer = await call.answer
    reply.raw.off('close', call.cancel)
    if (typeof answer !== 'object') throw upstreamProblem(answer)
    if (answer.status >= 300) throw problemOf(answer.body)
  }
}

function problemOf (body: Buffer): ProblemError {
  const { code, detail, errors } = parsed(body) as { code?: string, detail?: string, errors?: FieldError[] }
  if (code === undefined || !Object.hasOwn(problems, code)) return new UpstreamBrokenError()
  const { retry } = problems[code as ProblemCode]
  return new ProblemError(code as ProblemCode, {
    detail,
    errors,
    ...retry && { headers: retryAfter(RETRY_SECONDS) }
  })
}

function parsed (body: Buffer): object {
  try {
    return JSON.parse(body.toString('utf8')) ?? {}
  } catch {
    return {} // nothing that auth says
  }
}
