import { createApiKey, deleteApiKey, KEY_EXCHANGE_PATH, listApiKeys } from '@gatepost/contracts/auth/key-operations'
import { tokenOf, unauthorized } from '@gatepost/service-kit/identity'
import { routeOf, withoutBody } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { callerOf, originOf } from '../caller.ts'
import type { ApiKeyService } from './api-key-service.ts'

export function apiKeyRoutes (app: App, { apiKeys }: { apiKeys: ApiKeyService }) {
  app.route({
    ...routeOf(createApiKey),
    handler: (request) => apiKeys.create(callerOf(request), request.body, originOf(request))
  })
  app.route({
    ...routeOf(listApiKeys),
    handler: (request) => apiKeys.list(callerOf(request).account.id)
  })
  app.route({
    ...routeOf(deleteApiKey),
    handler: withoutBody((request) => apiKeys.delete(callerOf(request).holder, request.params.id, originOf(request)))
  })
  // For gateways alone: it is no operation of the contract, so no gateway forwards it.
  app.route({
    method: 'GET',
    url: KEY_EXCHANGE_PATH,
    config: { auth: 'none' },
    async handler (request, reply) {
      const exchange = await apiKeys.exchange(tokenOf(request.headers.authorization ?? '') ?? '', originOf(request))
      if (!exchange) throw unauthorized(true)
      return reply.header('cache-control', 'no-store').send(exchange)
    }
  })
}
