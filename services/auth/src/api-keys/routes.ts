import { createApiKey, deleteApiKey, KEY_EXCHANGE_PATH, listApiKeys } from '@gatepost/contracts/auth/key-operations'
import { tokenOf, unauthorized } from '@gatepost/service-kit/identity'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { callerOf, originOf } from '../caller.ts'
import type { ApiKeyService } from './api-key-service.ts'

export function apiKeyRoutes (app: App, { apiKeys }: { apiKeys: ApiKeyService }) {
  app.route({
    ...routeOf(createApiKey),
    async handler (request, reply) {
      const created = await apiKeys.create(callerOf(request).holder, request.body, originOf(request))
      return reply.code(201).header('cache-control', 'no-store').send(created)
    }
  })
  app.route({
    ...routeOf(listApiKeys),
    async handler (request, reply) {
      const list = await apiKeys.list(callerOf(request).account.id)
      return reply.header('cache-control', 'no-store').send(list)
    }
  })
  app.route({
    ...routeOf(deleteApiKey),
    async handler (request, reply) {
      await apiKeys.delete(callerOf(request).holder, request.params.id, originOf(request))
      return reply.code(204).send(null)
    }
  })
  // For gateways: no operation of the contract, so the public port does not know it.
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
