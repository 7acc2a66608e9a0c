import { Counter, type Metric, type Registry } from 'prom-client'

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The answers of one method of one route. */
interface Tally {
  labels: { method: string, route: string }
  /** By status. */
  answers: Map<number, number>
  /** Count of each bucket alone; the last one is above all buckets. */
  buckets: number[]
  seconds: number
}

/**
 * Counts rate, errors and duration of routes in plain numbers. prom-client looks each label up anew for each
 * observation, which costs a request more than its routing; here labels are made when somebody asks.
 */
export function createRouteTallies (registry: Registry) {
  const tallies = new Map<string, Map<string, Tally>>()

  function tallyOf (method: string, route: string) {
    let methods = tallies.get(route)
    if (methods === undefined) tallies.set(route, methods = new Map())
    let tally = methods.get(method)
    if (tally === undefined) {
      methods.set(
        method,
        tally = {
          labels: { method, route },
          answers: new Map(),
          buckets: new Array<number>(BUCKETS.length + 1).fill(0),
          seconds: 0
        }
      )
    }
    return tally
  }

  function * all () {
    for (const methods of tallies.values()) yield * methods.values()
  }

  registry.registerMetric(new Counter({
    name: 'http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers: [],
    collect () {
      this.reset()
      for (const { labels, answers } of all()) {
        for (const [status, count] of answers) this.inc({ ...labels, status }, count)
      }
    }
  }))
  registry.registerMetric(durations(all))

  return {
    /** Notes one answer. Durations are seconds. */
    note (method: string, route: string, status: number, seconds: number) {
      const tally = tallyOf(method, route)
      tally.answers.set(status, (tally.answers.get(status) ?? 0) + 1)
      tally.seconds += seconds
      let bucket = 0
      while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket++
      tally.buckets[bucket]!++
    }
  }
}

export type RouteTallies = ReturnType<typeof createRouteTallies>

/** The form of a histogram that prom-client's registry asks for. */
function durations (all: () => Iterable<Tally>) {
  const name = 'http_request_duration_seconds'
  const about = {
    name,
    help: 'From the arrival of the request to the end of the answer.',
    type: 'histogram',
    aggregator: 'sum'
  }
  function valuesOf ({ labels, buckets, seconds }: Tally) {
    let count = 0
    return [
      ...buckets.map((inBucket, i) => {
        count += inBucket
        return { metricName: `${name}_bucket`, labels: { ...labels, le: BUCKETS[i] ?? '+Inf' }, value: count }
      }),
      { metricName: `${name}_sum`, labels, value: seconds },
      { metricName: `${name}_count`, labels, value: count }
    ]
  }
  return { ...about, async get () { return { ...about, values: [...all()].flatMap(valuesOf) } } } as unknown as Metric
}
