import { Counter, Gauge, type Registry } from 'prom-client'

export type RelayMetrics = ReturnType<typeof createRelayMetrics>

/** The metrics of a relay; without a registry they are not shown. */
export function createRelayMetrics (registry: Registry | undefined) {
  const registers = registry ? [registry] : []
  return {
    published: new Counter({
      name: 'gatepost_outbox_published_total',
      help: 'Events acknowledged by the stream.',
      registers
    }),
    retries: new Counter({
      name: 'gatepost_outbox_retries_total',
      help: 'Publishes that had to be repeated, by cause.',
      labelNames: ['cause'] as const,
      registers
    }),
    markFailures: new Counter({
      name: 'gatepost_outbox_mark_failures_total',
      help: 'Statements that should have marked published rows and failed.',
      registers
    }),
    oldestUnpublished: new Gauge({
      name: 'gatepost_outbox_oldest_unpublished_seconds',
      help: 'Age of the oldest event that is not in the stream.',
      registers
    }),
    quarantined: new Gauge({
      name: 'gatepost_outbox_quarantined',
      help: 'Events that the stream refused for good; their aggregates wait.',
      registers
    }),
    oldestErasure: new Gauge({
      name: 'gatepost_erasures_oldest_seconds',
      help: 'Age of the oldest ended aggregate whose earlier events are not erased.',
      registers
    }),
    leader: new Gauge({
      name: 'gatepost_outbox_leader',
      help: '1 where the relay publishes, 0 on the replicas that stand by.',
      registers
    }),
    inFlight: new Gauge({ name: 'gatepost_outbox_in_flight', help: 'Events sent and not yet acknowledged.', registers })
  }
}
