import fp from 'fastify-plugin'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { lineLosses } from './log.ts'
import { createRouteTallies, type RouteTallies } from './metrics/route-tallies.ts'
import { onOutcome } from './outcome.ts'

/** A registry with the metrics of every process: memory, CPU, event-loop delay, build. */
export function createRegistry (service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'gatepost_build_info',
    aggregator: 'first',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['node'],
    registers: [registry]
  }).set({ node: process.version }, 1)
  registry.registerMetric(new Counter({
    name: 'gatepost_log_lines_lost_total',
    help: 'Log lines that standard output did not take.',
    registers: [],
    collect () {
      this.reset()
      this.inc(lineLosses.lines)
    }
  }))
  return registry
}

const allTallies = new WeakMap<Registry, RouteTallies>()

/** The main and the operations port of a process count into one registry. */
function talliesOf (registry: Registry) {
  let tallies = allTallies.get(registry)
  if (tallies === undefined) allTallies.set(registry, tallies = createRouteTallies(registry))
  return tallies
}

/**
 * Rate, errors and duration of each route, labelled with the route's pattern, never with a path that a client chose.
 */
export const httpMetrics = fp<{ registry: Registry }>(async (app, { registry }) => {
  const tallies = talliesOf(registry)
  onOutcome(app, {
    answered: ({ method }, { route, status, ms }) => {
      tallies.note(method, route, status, ms / 1000)
    },
    broken: ({ method, status }) => {
      tallies.note(method, 'unknown', status, 0)
    }
  })
}, { name: 'http-metrics' })
