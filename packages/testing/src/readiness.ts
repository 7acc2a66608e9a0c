import assert from 'node:assert/strict'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'
import type { FastifyInstance } from 'fastify'
import { eventually } from './eventually.ts'

/** Waits until a service with a database is ready: the checks of its declaration, and no other, are up. */
export async function becomesReady (name: ServiceName, app: Pick<FastifyInstance, 'inject'>) {
  const { store, consumes } = services[name]
  const names = [
    'postgres',
    'keys',
    'token-lifetime',
    'nats',
    'revocations',
    ...store === 'outbox' ? ['outbox'] : [],
    ...consumes.length > 0 ? ['consumers'] : []
  ]
  const checks = Object.fromEntries(names.map((check) => [check, { status: 'up' }]))
  await eventually(async () => {
    const answer = await app.inject({ url: '/ready' })
    assert.deepEqual([answer.statusCode, answer.json()], [200, { status: 'up', checks }])
  })
}
