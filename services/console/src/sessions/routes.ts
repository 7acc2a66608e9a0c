import type { App } from '@gatepost/service-kit/server'
import type { Readers } from '../database/readers.ts'
import type { LivePages } from '../live/live-pages.ts'
import { showAgain } from '../live/repeat.ts'
import type { TraceStore } from '../traces/trace-store.ts'
import type { Administrators } from './administrators.ts'
import { readSessions } from './live-sessions.ts'
import { refusedClients } from './refusals.ts'

export interface SessionRoutesOptions {
  live: LivePages
  readers: Readers
  store: TraceStore
  administrators: Administrators
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function sessionRoutes (app: App, { live, readers, store, administrators }: SessionRoutesOptions): void {
  app.get('/api/sessions', (request, reply) => {
    live.open(reply, (page) => showAgain(page, 'sessions', async () => ({
      administrator: administrators.emailOf(request.visitor) ?? null,
      sessions: await readSessions(readers).catch(() => undefined) ?? null,
      refused: refusedClients(store.requests())
    })))
  })

  app.post('/api/administrator', async (request, reply) => {
    const { email, password } = (request.body ?? {}) as Record<string, unknown>
    if (typeof email !== 'string' || typeof password !== 'string') {
      return reply.code(400).send({ message: 'email and password are needed' })
    }
    return answer(reply, await administrators.login(request.visitor, { email, password }))
  })

  app.delete('/api/sessions/:userId/:id', async (request, reply) => {
    const { userId, id } = request.params as { userId: string, id: string }
    if (!UUID.test(userId) || !UUID.test(id)) return reply.code(404).send({ message: 'There is no such session.' })
    return answer(reply, await administrators.endSession(request.visitor, userId, id))
  })
}

function answer (reply: { code (status: number): { send (body: unknown): unknown } }, fault: string | undefined) {
  return fault === undefined ? reply.code(204).send(null) : reply.code(409).send({ message: fault })
}
