import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export type ConsumerMetrics = ReturnType<typeof createConsumerMetrics>

const shared = new WeakMap<Registry, ReturnType<typeof make>>()

function make (registers: Registry[]) {
  const labelNames = ['consumer'] as const
  return {
    handled: new Counter({
      name: 'gatepost_consumer_events_total',
      help: 'Events by what became of them.',
      labelNames: ['consumer', 'outcome'] as const,
      registers
    }),
    lag: new Histogram({
      name: 'gatepost_consumer_lag_seconds',
      help: "From the event's time to its effect.",
      labelNames,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers
    }),
    pending: new Gauge({
      name: 'gatepost_consumer_pending',
      help: 'Events in the stream that are not acknowledged yet.',
      labelNames,
      registers
    }),
    oldestPending: new Gauge({
      name: 'gatepost_consumer_oldest_pending_seconds',
      help: 'Age of the oldest event that is not acknowledged yet.',
      labelNames,
      registers
    }),
    missing: new Gauge({
      name: 'gatepost_consumer_missing',
      help: '1 while the durable consumer or its stream is not on the server.',
      labelNames,
      registers
    }),
    collisions: new Gauge({
      name: 'gatepost_consumer_collisions',
      help: 'Events whose version another event had before, since the last rebuild.',
      labelNames,
      registers
    }),
    deadLetters: new Gauge({
      name: 'gatepost_dead_letters',
      help: 'Events that a consumer could not apply and nobody has dealt with.',
      registers
    })
  }
}

/** One set of metrics for all consumers of a process, told apart by their label. */
export function createConsumerMetrics (registry: Registry | undefined, consumer: string) {
  const metrics = (registry && shared.get(registry)) ?? make(registry ? [registry] : [])
  if (registry) shared.set(registry, metrics)
  for (const outcome of ['applied', 'duplicate', 'waiting', 'failed', 'dead']) {
    metrics.handled.inc({ consumer, outcome }, 0)
  }
  return metrics
}
