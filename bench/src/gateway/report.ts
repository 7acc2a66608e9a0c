import { median } from '../lab/statistics.ts'
import { peers } from './peers.ts'
import { type Options, type Row, middle } from './rows.ts'
import { FULL_GET, IN_REDIS, ONE_PROCESS, SAME_RATE, TWO_PROCESSES } from './workloads.ts'

type Figure = Parameters<typeof middle>[1]

/** A row's figure divided by the other's. */
function ratio (row: Row, other: Row | undefined, figure: Figure = 'requestsPerSecond') {
  return other ? (middle(row, figure) / middle(other, figure)).toFixed(2) : '–'
}

/** The peer that ratios are relative to. */
const REFERENCE = 'HAProxy RS256'

const header = (...columns: string[]) => `| ${columns.join(' | ')} |`
const RATIOS = header(
  'workload',
  'Gatepost ÷ bare Node proxy',
  `÷ ${REFERENCE}`,
  '÷ HAProxy ES256',
  '÷ plain plugins',
  'p99 ÷ HAProxy’s',
  'CPU µs/request'
)
const FIGURES = header(
  'peer',
  'requests/s',
  'slowest – middle – fastest',
  `÷ ${REFERENCE}`,
  'p50 ms',
  'p99 ms',
  'CPU µs/request',
  'errors'
)

export function report (rows: Row[], { machine, seconds, rounds }: Options & { machine: string }): string {
  return `# Gateway beside its peers

${machine}.
Each peer on one core, load and upstream on another; ${rounds} rounds of ${seconds} s, interleaved, each after two
seconds that do not count, and after a warm-up of each workload. Figures are medians of all rounds, and ratios are
ratios of medians. Rounds far apart show that strangers took their part of the machine.

| peer | what it does of the full policy |
| --- | --- |
${
    peers.filter(({ name }) => rows.some(({ peer }) => peer === name)).map(({ name, does }) => `| ${name} | ${does} |`)
      .join('\n')
  }

${
    [...Map.groupBy(rows, ({ workload }) => workload)].map(([workload, group]) => `## ${workload}\n\n${table(group)}`)
      .join('\n\n')
  }
${scaling(rows)}`
}

/** The ratios that matter, on one line for each workload. */
export function summary (rows: Row[], { machine, rounds, seconds }: Options & { machine: string }): string {
  const lines = [
    ...Map.groupBy(rows.filter(({ workload }) => !workload.startsWith(SAME_RATE)), ({ workload }) => workload)
  ].flatMap(([workload, group]) => {
    const find = (name: string) => group.find(({ peer }) => peer === name)
    const gatepost = find('Gatepost')
    if (!gatepost) return []
    const bare = find('bare Node proxy') ?? find('bare Node proxy, no token cache')
    const cells = [
      ratio(gatepost, bare),
      ratio(gatepost, find(REFERENCE)),
      ratio(gatepost, find('HAProxy ES256')),
      ratio(gatepost, find('plain plugins')),
      ratio(gatepost, find(REFERENCE), 'p99'),
      Math.round(middle(gatepost, 'cpuMicros'))
    ]
    return [`| ${[workload, ...cells].join(' | ')} |`]
  })
  return `${machine}; medians of ${rounds} rounds of ${seconds} s:

${RATIOS}
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}
${inRedis(rows)}${atOneRate(rows)}`
}

/** Limits in Redis beside limits in memory. */
function inRedis (rows: Row[]) {
  const find = (name: string) => rows.find(({ workload, peer }) => workload === name && peer === 'Gatepost')
  const [redis, memory] = [find(IN_REDIS), find(FULL_GET)]
  return redis && memory
    ? `\nLimits in Redis ÷ limits in memory: ${ratio(redis, memory)} by rate, ${
      ratio(memory, redis, 'cpuMicros')
    } by CPU.\n`
    : ''
}

/** The cost of an admitted and of a refused request. */
function atOneRate (rows: Row[]) {
  const all = rows.filter(({ workload }) => workload.startsWith(SAME_RATE))
  if (all.length === 0) return ''
  const line = (row: Row) =>
    `| ${row.workload.slice(SAME_RATE.length)} | ${Math.round(middle(row, 'cpuMicros'))} | ${
      row.rounds.map(({ cpuMicros }) => Math.round(cpuMicros)).join(', ')
    } |`
  return `
| admitted or refused, ${
    Math.round(middle(all[0]!, 'requestsPerSecond'))
  } a second each | CPU µs/request | in each round |
| --- | ---: | --- |
${all.map(line).join('\n')}`
}

function table (group: Row[]) {
  const reference = group.find(({ peer }) => peer === REFERENCE)
  const line = (row: Row) => {
    const rates = row.rounds.map(({ requestsPerSecond }) => Math.round(requestsPerSecond))
    const errors = row.rounds.reduce((sum, round) => sum + round.errors, 0)
    return `| ${
      [
        row.peer,
        Math.round(middle(row, 'requestsPerSecond')),
        `${Math.min(...rates)} – ${Math.round(median(rates))} – ${Math.max(...rates)}`,
        ratio(row, reference),
        middle(row, 'p50').toFixed(1),
        middle(row, 'p99').toFixed(1),
        Math.round(middle(row, 'cpuMicros')),
        errors
      ].join(' | ')
    } |`
  }
  return `${FIGURES}
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${group.map(line).join('\n')}`
}

/** The gain of a second process. On cores shared with load and upstream only CPU per request shows it. */
function scaling (rows: Row[]) {
  const two = rows.filter(({ workload }) => workload === TWO_PROCESSES)
  const lines = two.flatMap((row) => {
    const one = rows.find(({ workload, peer }) => workload === ONE_PROCESS && peer === row.peer)
    return one
      ? [
        `| ${row.peer} | ${
          (middle(row, 'requestsPerSecond') / middle(one, 'requestsPerSecond')).toFixed(2)
        } | ${(2 * middle(one, 'cpuMicros') / middle(row, 'cpuMicros')).toFixed(2)} |`
        ]
      : []
  })
  return lines.length === 0
    ? ''
    : `
### Two processes ÷ one

The last column is by CPU per request: what free cores for load and upstream would show.

| peer | requests/s | by CPU |
| --- | ---: | ---: |
${lines.join('\n')}
`
}
