import { Counter, Gauge, type Registry } from 'prom-client'
import type { Check } from './health.ts'

/**
 * Compares the setting with the life that auth states for its tokens. A process that disagrees still judges the tokens
 * that it can.
 */
export function tokenLifetimeCheck (accessTokenTtl: number, issuedTtl: () => number | undefined): Check {
  return {
    name: 'token-lifetime',
    check () {
      const issued = issuedTtl() ?? accessTokenTtl
      if (issued === accessTokenTtl) return { status: 'up' }
      const consequence = issued > accessTokenTtl ? 'they are refused here' : 'they are good here'
      return {
        status: 'degraded',
        detail: `auth issues tokens for ${issued} s and ACCESS_TOKEN_TTL is ${accessTokenTtl} s: ${consequence}`
      }
    }
  }
}

/** Shows the setting, for comparison between processes, and the tokens that it refused. */
export function watchTokenLifetime (registry: Registry, accessTokenTtl: number, stats: { readonly overlong: number }) {
  registry.registerMetric(new Gauge({
    name: 'gatepost_access_token_ttl_seconds',
    help: 'ACCESS_TOKEN_TTL of this process; it must be the same everywhere.',
    aggregator: 'first',
    registers: [],
    collect () { this.set(accessTokenTtl) }
  }))
  registry.registerMetric(new Counter({
    name: 'gatepost_tokens_overlong_total',
    help:
      'Access tokens refused because they live longer than ACCESS_TOKEN_TTL, which is lower here than at their issuer.',
    registers: [],
    collect () {
      this.reset()
      this.inc(stats.overlong)
    }
  }))
}
