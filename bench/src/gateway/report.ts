import { type Row } from './main.ts'

export function median (values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

/** What ratios are taken of: the first peer whose name begins so. */
const REFERENCE = 'HAProxy RS256'

export function table (rows: Row[]): string {
  const reference = (workload: string) => rows.find((row) => row.workload === workload && row.peer === REFERENCE)?.requestsPerSecond
  return [...Map.groupBy(rows, ({ workload }) => workload)].map(([workload, group]) => `## ${workload}

| peer | requests/s | ÷ ${REFERENCE} | p50 ms | p99 ms | CPU µs/request | errors |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${group.map((row) => `| ${[row.peer, Math.round(row.requestsPerSecond), ratio(row.requestsPerSecond, reference(workload)), row.p50.toFixed(1), row.p99.toFixed(1), Math.round(row.cpuMicros), row.errors].join(' | ')} |`).join('\n')}`).join('\n\n')
}

function ratio (value: number, reference: number | undefined) {
  return reference ? (value / reference).toFixed(2) : '–'
}
