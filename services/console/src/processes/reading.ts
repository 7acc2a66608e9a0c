import { type Sample, samplesIn } from './metrics-text.ts'

/** What the overview takes of a process's metrics at one time. */
export interface Reading {
  at: number
  requests: number
  /** Answers of 5xx. */
  errors: number
  /** Cumulative counts by upper bound in seconds. */
  buckets: Map<number, number>
  memory: number
  startedAt: number
  node: string
  refused: number
}

/** One point of the charts. Times are seconds; undefined where nothing was asked. */
export interface Point {
  at: number
  perSecond: number
  errorsPerSecond: number
  p50: number | null
  p99: number | null
  memory: number
}

const WANTED = new Set([
  'http_requests_total', 'http_request_duration_seconds_bucket', 'process_resident_memory_bytes',
  'process_start_time_seconds', 'gatepost_build_info', 'gatepost_limiter_decisions_total'
])
/** What probes and scrapers ask is no traffic. */
const PROBES = new Set(['/live', '/ready', '/metrics'])

export function readingOf (page: string, at: number): Reading {
  const reading: Reading = {
    at, requests: 0, errors: 0, buckets: new Map(), memory: 0, startedAt: 0, node: '', refused: 0
  }
  for (const sample of samplesIn(page, WANTED)) take(reading, sample)
  return reading
}

function take (reading: Reading, { name, labels, value }: Sample) {
  if (PROBES.has(labels.route ?? '')) return
  if (name === 'http_requests_total') {
    reading.requests += value
    if (labels.status!.startsWith('5')) reading.errors += value
  } else if (name === 'http_request_duration_seconds_bucket') {
    const bound = Number(labels.le === '+Inf' ? Infinity : labels.le)
    reading.buckets.set(bound, (reading.buckets.get(bound) ?? 0) + value)
  } else if (name === 'process_resident_memory_bytes') reading.memory = value
  else if (name === 'process_start_time_seconds') reading.startedAt = value
  else if (name === 'gatepost_build_info') reading.node = labels.node ?? ''
  else if (labels.decision === 'refused') reading.refused += value
}

/** What happened between two readings; undefined when the process was started anew between them. */
export function pointBetween (before: Reading, after: Reading): Point | undefined {
  const seconds = (after.at - before.at) / 1000
  if (seconds <= 0 || before.startedAt !== after.startedAt || after.requests < before.requests) return undefined
  const counts = [...after.buckets].sort(([a], [b]) => a - b)
    .map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)] as const)
  return {
    at: after.at / 1000,
    perSecond: (after.requests - before.requests) / seconds,
    errorsPerSecond: (after.errors - before.errors) / seconds,
    p50: quantile(counts, 0.5),
    p99: quantile(counts, 0.99),
    memory: after.memory
  }
}

/** As Prometheus' histogram_quantile: linear within the bucket; the last bound for what is beyond it. */
function quantile (counts: ReadonlyArray<readonly [bound: number, count: number]>, part: number): number | null {
  const total = counts.at(-1)?.[1] ?? 0
  if (total <= 0) return null
  const rank = part * total
  const index = counts.findIndex(([, count]) => count >= rank)
  const [bound, count] = counts[index]!
  const [lower, below] = counts[index - 1] ?? [0, 0]
  if (bound === Infinity) return lower
  return lower + (bound - lower) * ((rank - below) / Math.max(1, count - below))
}
