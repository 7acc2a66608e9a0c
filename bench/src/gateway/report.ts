import type { Measured } from './load.ts'
import type { Options, Row } from './main.ts'
import { peers } from './peers.ts'
import { FULL_GET, SAME_RATE } from './workloads.ts'

export function median (values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

type Figure = keyof Measured | 'cpuMicros'

/** What a row's rounds had in the middle. */
export function middle ({ rounds }: Row, measure: Figure): number {
  return median(rounds.map((round) => round[measure]))
}

/**
 * How many times the other's a row's measure is: the median of the ratios within each round, since what was measured
 * seconds apart was measured on the same machine, and the first round and the last one perhaps were not.
 */
function ratio (row: Row, other: Row | undefined, measure: Figure = 'requestsPerSecond') {
  return other ? median(row.rounds.map((round, i) => round[measure] / other.rounds[i]![measure])).toFixed(2) : '–'
}

/** What ratios are taken of. */
const REFERENCE = 'HAProxy RS256'

export function report (rows: Row[], { machine, seconds, rounds }: Options & { machine: string }): string {
  return `# Gateway beside its peers

${machine}. Each peer on one core, load and upstream on another; medians of ${rounds} interleaved rounds of ${seconds} s,
each after a second that does not count, and after a warm-up of each workload; ratios are medians of the ratios within each round. Rounds far
apart tell that the machine was disturbed; ${calmness(rows)} rounds ended on a calm one.

| peer | what it does of the full policy |
| --- | --- |
${peers.filter(({ name }) => rows.some(({ peer }) => peer === name)).map(({ name, does }) => `| ${name} | ${does} |`).join('\n')}

${[...Map.groupBy(rows, ({ workload }) => workload)].map(([workload, group]) => `## ${workload}\n\n${table(group)}`).join('\n\n')}
${scaling(rows)}`
}

/** How many rounds ended on a calm machine. */
function calmness (rows: Row[]) {
  const rounds = rows.flatMap(({ rounds }) => rounds)
  return `${rounds.filter(({ calm }) => calm).length} of ${rounds.length}`
}

/** The ratios that matter, on one line for each workload. */
export function summary (rows: Row[], machine: string): string {
  const lines = [...Map.groupBy(rows.filter(({ workload }) => !workload.startsWith(SAME_RATE)), ({ workload }) => workload)].flatMap(([workload, group]) => {
    const find = (name: string) => group.find(({ peer }) => peer === name)
    const gatepost = find('Gatepost')
    if (!gatepost) return []
    const bare = find('bare Node proxy') ?? find('bare Node proxy, no token cache')
    const cells = [calmness(group), ratio(gatepost, find(REFERENCE)), ratio(gatepost, find('HAProxy ES256')), ratio(gatepost, find('plain plugins')), bare ? ratio(bare, find(REFERENCE)) : '–',
      ratio(gatepost, find(REFERENCE), 'p99'), Math.round(middle(gatepost, 'cpuMicros'))]
    return [`| ${[workload, ...cells].join(' | ')} |`]
  })
  return `${machine}:

| workload | calm rounds | Gatepost ÷ HAProxy RS256 | ÷ HAProxy ES256 | ÷ plain plugins | bare Node proxy ÷ HAProxy RS256 | p99 ÷ HAProxy’s | CPU µs/request |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}
${atOneRate(rows)}`
}

/** What an admitted request costs and what a refused one does. */
function atOneRate (rows: Row[]) {
  const all = rows.filter(({ workload }) => workload.startsWith(SAME_RATE))
  if (all.length === 0) return ''
  const line = (row: Row) => `| ${row.workload.slice(SAME_RATE.length)} | ${Math.round(middle(row, 'cpuMicros'))} | ${row.rounds.map(({ cpuMicros }) => Math.round(cpuMicros)).sort((a, b) => a - b).join(', ')} |`
  return `
| admitted or refused, ${Math.round(middle(all[0]!, 'requestsPerSecond'))} a second each | CPU µs/request | in each round |
| --- | ---: | --- |
${all.map(line).join('\n')}`
}

function table (group: Row[]) {
  const reference = group.find(({ peer }) => peer === REFERENCE)
  const line = (row: Row) => {
    const rates = row.rounds.map(({ requestsPerSecond }) => Math.round(requestsPerSecond))
    const errors = row.rounds.reduce((sum, round) => sum + round.errors, 0)
    return `| ${[row.peer, Math.round(middle(row, 'requestsPerSecond')), `${Math.min(...rates)}–${Math.max(...rates)}`, ratio(row, reference), middle(row, 'p50').toFixed(1), middle(row, 'p99').toFixed(1), Math.round(middle(row, 'cpuMicros')), errors].join(' | ')} |`
  }
  return `| peer | requests/s | slowest–fastest round | ÷ ${REFERENCE} | p50 ms | p99 ms | CPU µs/request | errors |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${group.map(line).join('\n')}`
}

/** What a second process brings. Where load and upstream need the same cores, only the CPU of a request tells. */
function scaling (rows: Row[]) {
  const two = rows.filter(({ workload }) => workload.endsWith('two processes'))
  const lines = two.flatMap((row) => {
    const one = rows.find(({ workload, peer }) => workload === FULL_GET && peer === row.peer)
    return one ? [`| ${row.peer} | ${(middle(row, 'requestsPerSecond') / middle(one, 'requestsPerSecond')).toFixed(2)} | ${(2 * middle(one, 'cpuMicros') / middle(row, 'cpuMicros')).toFixed(2)} |`] : []
  })
  return lines.length === 0 ? '' : `\n### Two processes ÷ one\n\n| peer | requests/s | the same, were there free cores for load and upstream (by CPU per request) |\n| --- | ---: | ---: |\n${lines.join('\n')}\n`
}
