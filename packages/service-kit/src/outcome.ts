import { exchangeOf } from './exchanges.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** nginx's status for a client that closed the connection before it had its answer. */
const CLIENT_CLOSED = 499

/**
 * The outcome of a request, for logs, metrics and traces; read once the response is closed. It is the status that was
 * sent. When request or answer did not get through whole, it is 499 if the client left, and otherwise the 5xx of our
 * fault.
 */
export function outcomeOf ({ raw, request }: FastifyReply): number {
  if (exchangeOf(request.raw)?.left) return CLIENT_CLOSED
  return raw.writableFinished || raw.statusCode >= 500 ? raw.statusCode : CLIENT_CLOSED
}

/** A request that no hook and no route saw: Node's parser gave up on it, or it asked for a tunnel. */
export interface BrokenRequest {
  requestId: string
  /** `unknown` where the parser did not read it. */
  method: string
  status: number
  /** The peer's address. */
  address: string
}

/** The outcome of a request. */
export interface Outcome {
  /** See {@link outcomeOf}. */
  status: number
  /** The pattern of its route; `unknown` without one. */
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
    /** Fastify's `routeOptions`, read once: Fastify makes them anew each time. */
    route: FastifyRequest['routeOptions']
  }
  interface FastifyInstance {
    /** Receives the outcomes of requests. */
    outcomeNotes: OutcomeNotes[] | undefined
  }
}

/**
 * Reports every request: with its {@link outcomeOf} once its connection is done with it, or as broken. Fastify's
 * onResponse does not come when the client has left.
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
