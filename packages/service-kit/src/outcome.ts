import { exchangeOf } from './exchanges.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** nginx' number for a client that closed the connection before it had its answer. */
const CLIENT_CLOSED = 499

/**
 * What became of a request, for logs, metrics and traces; to be asked once the response is closed. The status that was
 * sent; when the request or the answer did not get through whole because the client left, 499, or the 5xx that stands
 * for what broke off on our side.
 */
export function outcomeOf ({ raw, request }: FastifyReply): number {
  if (exchangeOf(request.raw)?.left) return CLIENT_CLOSED
  return raw.writableFinished || raw.statusCode >= 500 ? raw.statusCode : CLIENT_CLOSED
}

/** A request that no hook and no route saw: Node's parser gave up on it, or it asked for a tunnel. */
export interface BrokenRequest {
  requestId: string
  /** `unknown` where the parser did not get that far. */
  method: string
  status: number
  /** The peer's address. */
  address: string
}

/** What became of a request. */
export interface Outcome {
  /** See {@link outcomeOf}. */
  status: number
  /** The pattern of its route; `unknown` where none fits. */
  route: string
  /** From the arrival of the request to the end of its connection's work for it. */
  ms: number
}

export interface OutcomeNotes {
  answered: (request: FastifyRequest, outcome: Outcome) => void
  broken: (request: BrokenRequest) => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Fastify's `routeOptions`, asked for once: Fastify puts them together anew each time. */
    route: FastifyRequest['routeOptions']
  }
  interface FastifyInstance {
    /** Whoever wants to know what became of requests. */
    outcomeNotes: OutcomeNotes[] | undefined
  }
}

/**
 * Has every request noted: with its {@link outcomeOf} once its connection is done with it, and not by Fastify's
 * onResponse, which does not come when the client has left; or as broken.
 */
export function onOutcome (app: FastifyInstance, notes: OutcomeNotes): void {
  if (app.outcomeNotes !== undefined) {
    app.outcomeNotes.push(notes)
    return
  }
  const all = [notes]
  app.decorate('outcomeNotes', all)
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.on('close', () => {
      const route = request.route.url ?? 'unknown'
      const outcome: Outcome = { status: outcomeOf(reply), route, ms: reply.elapsedTime }
      for (const { answered } of all) answered(request, outcome)
    })
    done()
  })
}
