import fp from 'fastify-plugin'
import { unauthorized } from '@gatepost/service-kit/identity'
import type { Database } from '../database/database.ts'
import type { Account } from '../users/account.ts'
import { sessionRepository } from './session-repository.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's account as the database has it now; undefined on routes that need no token. */
    account: Account | undefined
  }
}

/**
 * Auth owns the sessions, so it asks its own table whether one is live: an ended session has no say here from the very
 * commit that ended it. The account comes along in the same statement.
 */
export const liveSession = fp<{ database: Database }>(async (app, { database }) => {
  app.decorateRequest('account', undefined)
  app.addHook('onRequest', async (request) => {
    const { auth } = request.routeOptions.config
    if (!request.principal || (auth !== 'user' && auth !== 'admin')) return
    request.account = await sessionRepository.findAccount(database.sql, request.principal.sessionId)
    if (request.account?.id !== request.principal.userId || request.account.role !== request.principal.role) {
      throw unauthorized(true)
    }
  })
}, { name: 'live-session', dependencies: ['identity'] })
