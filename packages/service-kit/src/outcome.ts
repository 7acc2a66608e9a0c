import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** nginx' number for a client that closed the connection before it had its answer. */
const CLIENT_CLOSED = 499

/**
 * What became of a request, for logs, metrics and traces; to be asked once the response is closed. The status that was
 * sent; when the answer did not get out whole, 499, or the 5xx that stands for what broke off on our side.
 */
export function outcomeOf ({ raw }: FastifyReply): number {
  return raw.writableFinished || raw.statusCode >= 500 ? raw.statusCode : CLIENT_CLOSED
}

type Note = (request: FastifyRequest, reply: FastifyReply, status: number) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Whoever wants to know what became of requests. */
    outcomeNotes: Note[] | undefined
  }
}

/**
 * Has every request noted with its {@link outcomeOf} once its connection is done with it: not by Fastify's onResponse,
 * which does not come when the client has left.
 */
export function onOutcome (app: FastifyInstance, note: Note) {
  if (app.outcomeNotes !== undefined) {
    app.outcomeNotes.push(note)
    return
  }
  const notes = [note]
  app.decorate('outcomeNotes', notes)
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.on('close', () => {
      const status = outcomeOf(reply)
      for (const note of notes) note(request, reply, status)
    })
    done()
  })
}
