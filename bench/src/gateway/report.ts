import type { Options, Row } from './main.ts'
import { peers } from './peers.ts'
import { FULL_GET } from './workloads.ts'

export function median (values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

/** What ratios are taken of. */
const REFERENCE = 'HAProxy RS256'

export function report (rows: Row[], { machine, seconds, rounds }: Options & { machine: string }): string {
  return `# Gateway beside its peers

${machine}. Each peer on one core, load and upstream on another; medians of ${rounds} interleaved rounds of ${seconds} s,
each after a second that does not count, and after a warm-up of each workload. Rounds far apart tell that the machine was disturbed.

| peer | what it does of the full policy |
| --- | --- |
${peers.filter(({ name }) => rows.some(({ peer }) => peer === name)).map(({ name, does }) => `| ${name} | ${does} |`).join('\n')}

${[...Map.groupBy(rows, ({ workload }) => workload)].map(([workload, group]) => `## ${workload}\n\n${table(group)}`).join('\n\n')}
${scaling(rows)}`
}

/** The ratios that matter, on one line for each workload. */
export function summary (rows: Row[], machine: string): string {
  const lines = [...Map.groupBy(rows, ({ workload }) => workload)].flatMap(([workload, group]) => {
    const find = (name: string) => group.find(({ peer }) => peer === name)
    const rate = (name: string) => find(name)?.requestsPerSecond
    const gatepost = find('Gatepost')
    if (!gatepost) return []
    const { requestsPerSecond: own, p99, cpuMicros } = gatepost
    const bare = rate('bare Node proxy') ?? rate('bare Node proxy, no token cache')
    const cells = [ratio(own, rate(REFERENCE)), ratio(own, rate('HAProxy ES256')), ratio(own, rate('plain plugins')), bare ? ratio(bare, rate(REFERENCE)) : '–',
      ratio(p99, find(REFERENCE)?.p99), Math.round(cpuMicros)]
    return [`| ${[workload, ...cells].join(' | ')} |`]
  })
  return `${machine}:

| workload | Gatepost ÷ HAProxy RS256 | ÷ HAProxy ES256 | ÷ plain plugins | bare Node proxy ÷ HAProxy RS256 | p99 ÷ HAProxy’s | CPU µs/request |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}`
}

function table (group: Row[]) {
  const reference = group.find(({ peer }) => peer === REFERENCE)?.requestsPerSecond
  const line = (row: Row) => `| ${[row.peer, Math.round(row.requestsPerSecond), row.range.map(Math.round).join('–'), ratio(row.requestsPerSecond, reference), row.p50.toFixed(1), row.p99.toFixed(1), Math.round(row.cpuMicros), row.errors].join(' | ')} |`
  return `| peer | requests/s | slowest–fastest round | ÷ ${REFERENCE} | p50 ms | p99 ms | CPU µs/request | errors |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${group.map(line).join('\n')}`
}

function ratio (value: number, reference: number | undefined) {
  return reference ? (value / reference).toFixed(2) : '–'
}

/** What a second process brings. Where load and upstream need the same cores, only the CPU of a request tells. */
function scaling (rows: Row[]) {
  const two = rows.filter(({ workload }) => workload.endsWith('two processes'))
  const lines = two.flatMap((row) => {
    const one = rows.find(({ workload, peer }) => workload === FULL_GET && peer === row.peer)
    return one ? [`| ${row.peer} | ${ratio(row.requestsPerSecond, one.requestsPerSecond)} | ${ratio(2 * one.cpuMicros, row.cpuMicros)} |`] : []
  })
  return lines.length === 0 ? '' : `\n### Two processes ÷ one\n\n| peer | requests/s | the same, were there free cores for load and upstream (by CPU per request) |\n| --- | ---: | ---: |\n${lines.join('\n')}\n`
}
