import type { Identity } from '@gatepost/service-kit/identity'
import type { RevocationList } from '@gatepost/service-kit/revocation-list'
import { type Aggregator, Counter, Gauge, type Registry } from 'prom-client'
import type { KeyExchanges } from './api-keys/key-exchange.ts'
import type { EventStreams } from './live/event-streams.ts'
import type { DecisionTally } from './limits/limit.ts'
import type { SharedCounters } from './limits/redis-counters.ts'
import { stateOf } from './upstreams/instance.ts'
import type { Upstream } from './upstreams/upstream.ts'

/**
 * Gauges are read when somebody asks, so they cost requests nothing. Of several workers, one number is made by
 * `aggregator`.
 */
function gauge (registry: Registry, name: string, help: string, read: () => number, aggregator: Aggregator = 'sum') {
  registry.registerMetric(new Gauge({ name, help, aggregator, registers: [], collect () { this.set(read()) } }))
}

function counter (registry: Registry, name: string, help: string, read: () => number) {
  counters(registry, name, help, [], () => [[{}, read()]])
}

type Count = [labels: Record<string, string>, count: number]

/** One number for each combination of labels. */
function counters (registry: Registry, name: string, help: string, labelNames: string[], read: () => Count[]) {
  registry.registerMetric(new Counter({
    name,
    help,
    labelNames,
    registers: [],
    collect () {
      this.reset()
      for (const [labels, count] of read()) this.inc(labels, count)
    }
  }))
}

export function watchDecisions (registry: Registry, tally: DecisionTally) {
  const help =
    'Decisions of the rate limits, two about a request whose user came to be known after its address was counted; ' +
    'mode degraded: by this instance’s share alone.'
  counters(
    registry,
    'gatepost_limiter_decisions_total',
    help,
    ['decision', 'mode'],
    () =>
      Object.entries(tally).flatMap(([mode, counts]) =>
        Object.entries(counts).map(([decision, count]): Count => [{ decision, mode }, count])
      )
  )
}

export function watchKeyExchanges (registry: Registry, { stats }: KeyExchanges) {
  const help = 'API keys that were exchanged for an access token at auth, by outcome.'
  counters(
    registry,
    'gatepost_key_exchanges_total',
    help,
    ['outcome'],
    () => Object.entries(stats).map(([outcome, count]): Count => [{ outcome }, count])
  )
}

export function watchLimiter (registry: Registry, shared: SharedCounters) {
  gauge(
    registry,
    'gatepost_limiter_degraded',
    '1 while the shared counters do not answer.',
    () => shared.status().degraded ? 1 : 0,
    'max'
  )
  gauge(
    registry,
    'gatepost_limiter_instances',
    'Gateways that share the limits, as seen last.',
    () => shared.status().instances,
    'max'
  )
}

export function watchUpstreams (registry: Registry, upstreams: readonly Upstream[]) {
  const labelNames = ['upstream', 'instance'] as const
  const perInstance = (
    name: string,
    help: string,
    read: (instance: Upstream['instances'][number]) => number,
    aggregator: Aggregator = 'sum'
  ) => {
    registry.registerMetric(new Gauge({
      name,
      help,
      aggregator,
      labelNames,
      registers: [],
      collect () {
        this.reset() // instances come and go
        for (const upstream of upstreams) {
          for (const instance of upstream.instances) {
            this.set({ upstream: upstream.name, instance: instance.origin }, read(instance))
          }
        }
      }
    }))
  }
  const perUpstream = (name: string, help: string, read: (upstream: Upstream) => Count[], labels: string[] = []) => {
    counters(
      registry,
      name,
      help,
      ['upstream', ...labels],
      () =>
        upstreams.flatMap((upstream) =>
          read(upstream).map(([values, count]): Count => [{ upstream: upstream.name, ...values }, count])
        )
    )
  }
  perUpstream('gatepost_upstream_calls_total', 'Calls to the service.', ({ tally }) => [[{}, tally.calls]])
  perUpstream(
    'gatepost_upstream_repeats_total',
    'Further attempts of calls that were not answered.',
    ({ tally }) => [[{}, tally.repeats]]
  )
  perUpstream(
    'gatepost_upstream_failures_total',
    'Calls that got no answer, by cause.',
    ({ tally }) => Object.entries(tally.failures).map(([cause, count]) => [{ cause }, count]),
    ['cause']
  )
  perUpstream(
    'gatepost_upstream_ejections_total',
    'Instances left out for a time because their calls failed, by cause.',
    ({ tally }) => Object.entries(tally.ejections).map(([cause, count]) => [{ cause }, count]),
    ['cause']
  )
  perInstance(
    'gatepost_upstream_up',
    '1 up, 0.5 slow or ejected, 0 down.',
    (instance) => ({ up: 1, slow: 0.5, ejected: 0.5, down: 0 })[stateOf(instance, performance.now())],
    'min'
  )
  perInstance('gatepost_upstream_in_flight', 'Calls that wait for the instance now.', ({ inFlight }) => inFlight)
  perInstance(
    'gatepost_upstream_consecutive_failures',
    'Failed calls since the last good one.',
    ({ streak }) => streak,
    'max'
  )
}

export function watchIdentity (registry: Registry, { stats }: Identity, revocations: RevocationList) {
  counter(registry, 'gatepost_token_cache_hits_total', 'Access tokens that were verified before.', () => stats.hits)
  counter(
    registry,
    'gatepost_token_cache_misses_total',
    'Access tokens whose signature was checked.',
    () => stats.misses
  )
  counter(
    registry,
    'gatepost_token_cache_refusals_total',
    'Access tokens that were refused before.',
    () => stats.refusals
  )
  gauge(registry, 'gatepost_token_cache_size', 'Verified access tokens remembered.', () => stats.size)
  gauge(
    registry,
    'gatepost_revoked_sessions',
    'Revoked sessions whose access tokens have not expired yet.',
    () => revocations.size,
    'max'
  )
}

export function watchStreams (registry: Registry, streams: EventStreams) {
  gauge(registry, 'gatepost_event_streams', 'Clients that follow GET /api/events now.', () => streams.size)
  counter(
    registry,
    'gatepost_event_streams_cut_total',
    'Streams that were cut because the client did not take what was sent within 60 s.',
    () => streams.cut
  )
}
