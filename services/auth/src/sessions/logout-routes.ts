import type { FastifyRequest } from 'fastify'
import { logout } from '@gatepost/contracts/auth/session-operations'
import { unauthorized } from '@gatepost/service-kit/identity'
import { routeOf, withoutBody } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { originOf } from '../caller.ts'
import { InvalidRefreshTokenError } from '../errors.ts'
import type { RefreshService } from './refresh-service.ts'
import type { LogoutScope, SessionService } from './session-service.ts'

export interface LogoutRouteOptions {
  sessions: SessionService
  refreshes: RefreshService
}

export function logoutRoutes (app: App, { sessions, refreshes }: LogoutRouteOptions) {
  app.route({
    ...routeOf(logout),
    // A request with neither token is 401, whatever else is wrong with it.
    preValidation: async (request) => {
      if (!request.principal && !offersRefreshToken(request)) {
        throw unauthorized(request.headers.authorization !== undefined)
      }
    },
    errorHandler (error, request) {
      throw request.principal || offersRefreshToken(request) || error.statusCode !== 400
        ? error
        : unauthorized(request.headers.authorization !== undefined)
    },
    handler: withoutBody(async (request) => {
      const { scope = 'local' } = request.query
      const done = request.principal
        ? await sessions.logout(request.principal, scope, originOf(request))
        : await logoutByRefreshToken(request.body!.refreshToken!, scope, request)
      if (!done) throw unauthorized(true)
    })
  })

  async function logoutByRefreshToken (token: string, scope: LogoutScope, request: FastifyRequest) {
    const holder = await refreshes.holderOf(token, scope, originOf(request))
    if (await sessions.logout(holder, scope, originOf(request))) return true
    throw new InvalidRefreshTokenError()
  }
}

function offersRefreshToken ({ body }: FastifyRequest) {
  return typeof body === 'object' && body !== null &&
    typeof (body as { refreshToken?: unknown }).refreshToken === 'string'
}
