import type { FastifyReply, FastifyRequest } from 'fastify'
import { problemBody, toProblem } from '../problem.ts'
import { endsConnection } from '../exchanges.ts'
import { instanceOf } from './request-target.ts'

/** Answers a thrown error as problem+json; logs as an error only what is no refusal. */
export function answerProblem (error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const problem = toProblem(error)
  if (problem.code === 'INTERNAL') request.server.log.error({ err: error, requestId: request.id }, 'unexpected error')
  if (endsConnection(request.raw)) reply.header('connection', 'close')
  return reply
    .code(problem.statusCode)
    .headers({ ...problem.headers, 'cache-control': 'no-store', 'x-request-id': request.id })
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemBody(problem, request.id, instanceOf(request.originalUrl)))
}
