import fp from 'fastify-plugin'
import { unauthorized } from '@gatepost/service-kit/identity'
import type { Account } from '../users/account.ts'
import type { SessionService } from './session-service.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's account as the database has it now; undefined on routes that need no token. */
    account: Account | undefined
  }
}

/**
 * Auth owns the sessions and asks its own table whether one is live: an ended session is refused here from the commit
 * of its end on. The same statement reads the account.
 */
export const liveSession = fp<{ sessions: SessionService }>(async (app, { sessions }) => {
  app.decorateRequest('account', undefined)
  app.addHook('onRequest', async (request) => {
    const { auth } = request.route.config
    if (!request.principal || (auth !== 'user' && auth !== 'admin')) return
    request.account = await sessions.accountOf(request.principal)
    if (!request.account) throw unauthorized(true)
  })
}, { name: 'live-session', dependencies: ['identity'] })
