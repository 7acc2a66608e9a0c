import type { Health } from '@gatepost/contracts/gateway/operations'
import fp from 'fastify-plugin'
import type {} from './server.ts' // declares `lifecycle`

/** `degraded` is worth an alarm; `down` also keeps requests away. */
export interface Check {
  name: string
  check: () => CheckResult | Promise<CheckResult>
}

export interface CheckResult {
  status: 'up' | 'degraded' | 'down'
  /** The cause, without addresses and secrets: anybody may read it. */
  detail?: string
}

const CHECK_TIMEOUT_MS = 1_000

/**
 * `GET /live`, which depends on nothing, and `GET /ready` with named checks: 503 while a check is down or the process
 * drains.
 */
export const health = fp<{ checks: Check[] }>(async (app, { checks }) => {
  app.get('/live', { config: { auth: 'none' } }, () => ({ status: 'up' }))

  app.get('/ready', { config: { auth: 'none' } }, async (_request, reply) => {
    const results = await Promise.all(checks.map(async ({ name, check }) => [name, await bounded(check)] as const))
    if (app.lifecycle.draining) results.push(['lifecycle', { status: 'down', detail: 'shutting down' }])
    const status = worst(results.map(([, result]) => result.status))
    reply.code(status === 'down' ? 503 : 200).header('cache-control', 'no-store')
    return { status, checks: Object.fromEntries(results) } satisfies Health
  })
}, { name: 'health' })

function worst (statuses: Array<CheckResult['status']>) {
  return (['down', 'degraded'] as const).find((status) => statuses.includes(status)) ?? 'up'
}

async function bounded (check: Check['check']): Promise<CheckResult> {
  const late = Promise.withResolvers<CheckResult>()
  const timer = setTimeout(late.resolve, CHECK_TIMEOUT_MS, { status: 'down', detail: 'no answer in time' })
  try {
    return await Promise.race([check(), late.promise])
  } catch {
    return { status: 'down', detail: 'failed' } // its error text may hold addresses
  } finally {
    clearTimeout(timer)
  }
}
