import type { Broker } from '@gatepost/events/broker'
import type { Revocations } from '@gatepost/events/revocations'
import type { Check, CheckResult } from '@gatepost/service-kit/health'
import type { RemoteKeySource } from '@gatepost/service-kit/key-source'
import { tokenLifetimeCheck } from '@gatepost/service-kit/token-lifetime'
import type { SharedCounters } from './limits/redis-counters.ts'
import { stateOf } from './upstreams/instance.ts'
import type { Upstream } from './upstreams/upstream.ts'

export interface ReadinessOptions {
  keys: RemoteKeySource
  revoked: Revocations
  /** Seconds. */
  accessTokenTtl: number
  broker: Broker
  upstreams: readonly Upstream[]
  shared: SharedCounters | undefined
}

/** Keys older than this were kept because auth cannot be asked; a removed key is still believed meanwhile. */
const STALE_KEYS_SECONDS = 30

/** The server says something at least every second while all is well. */
const STALE_REVOCATIONS_SECONDS = 5

/**
 * What `/ready` of the gateway says. A gateway that cannot judge tokens must not take requests; one whose services or
 * store are in trouble still gives better answers than none.
 */
export function readinessChecks (options: ReadinessOptions): Check[] {
  const { keys, revoked, accessTokenTtl, broker, upstreams, shared } = options
  return [
    {
      name: 'keys',
      check () {
        const { loaded, ageSeconds } = keys.status()
        if (!loaded) return { status: 'down', detail: 'the keys of access tokens were not fetched yet' }
        return ageSeconds > STALE_KEYS_SECONDS
          ? { status: 'degraded', detail: `the keys are ${Math.round(ageSeconds)} s old` }
          : { status: 'up' }
      }
    },
    tokenLifetimeCheck(accessTokenTtl, () => keys.status().issuedTtl),
    {
      name: 'revocations',
      check () {
        const { caughtUp, staleSeconds } = revoked.status()
        if (!caughtUp) return { status: 'down', detail: 'the revoked sessions were not read yet' }
        return staleSeconds > STALE_REVOCATIONS_SECONDS
          ? { status: 'degraded', detail: `nothing was heard of revoked sessions for ${Math.round(staleSeconds)} s` }
          : { status: 'up' }
      }
    },
    {
      name: 'nats',
      check: () =>
        broker.status() === 'connected' ? { status: 'up' } : { status: 'degraded', detail: 'NATS cannot be reached' }
    },
    ...upstreams.map((upstream): Check => ({ name: upstream.name, check: () => stateOfUpstream(upstream) })),
    ...shared
      ? [{
          name: 'limits',
          check () {
            const { degraded, instances } = shared.status()
            return degraded
              ? { status: 'degraded', detail: `counting this instance’s share of ${instances}` } as const
              : { status: 'up' } as const
          }
        }]
      : []
  ]
}

/** Not down for want of instances: without one service the others still answer. */
function stateOfUpstream ({ asked, resolved, instances }: Upstream): CheckResult {
  if (!asked) return { status: 'down', detail: 'its instances were not asked yet' }
  if (!resolved) return { status: 'degraded', detail: 'a name cannot be resolved: its last known addresses stay' }
  const now = performance.now()
  const up = instances.filter((instance) => stateOf(instance, now) === 'up').length
  return up === instances.length
    ? { status: 'up' }
    : { status: 'degraded', detail: `${up} of ${instances.length} instances are up` }
}
