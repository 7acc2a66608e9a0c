import { median } from '../lab/statistics.ts'
import { peers } from './peers.ts'
import { type Options, type Row, undisturbed } from './rows.ts'
import { ONE_PROCESS, SAME_RATE, TWO_PROCESSES } from './workloads.ts'

type Figure = Parameters<typeof undisturbed>[1]

/** A row's figure divided by the other's. */
function ratio (row: Row, other: Row | undefined, figure: Figure = 'requestsPerSecond') {
  return other ? (undisturbed(row, figure) / undisturbed(other, figure)).toFixed(2) : '–'
}

/** The peer that ratios are relative to. */
const REFERENCE = 'HAProxy RS256'

const header = (...columns: string[]) => `| ${columns.join(' | ')} |`
const RATIOS = header(
  'workload',
  `Gatepost ÷ ${REFERENCE}`,
  '÷ HAProxy ES256',
  '÷ plain plugins',
  `bare Node proxy ÷ ${REFERENCE}`,
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
seconds that do not count, and after a warm-up of each workload. Figures are those of the better quarter of a peer's
rounds, as are the ratios between them: on a shared machine strangers only ever take. Rounds far apart show that they
did.

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
export function summary (rows: Row[], machine: string): string {
  const lines = [
    ...Map.groupBy(rows.filter(({ workload }) => !workload.startsWith(SAME_RATE)), ({ workload }) => workload)
  ].flatMap(([workload, group]) => {
    const find = (name: string) => group.find(({ peer }) => peer === name)
    const gatepost = find('Gatepost')
    if (!gatepost) return []
    const bare = find('bare Node proxy') ?? find('bare Node proxy, no token cache')
    const cells = [
      ratio(gatepost, find(REFERENCE)),
      ratio(gatepost, find('HAProxy ES256')),
      ratio(gatepost, find('plain plugins')),
      bare ? ratio(bare, find(REFERENCE)) : '–',
      ratio(gatepost, find(REFERENCE), 'p99'),
      Math.round(undisturbed(gatepost, 'cpuMicros'))
    ]
    return [`| ${[workload, ...cells].join(' | ')} |`]
  })
  return `${machine}:

${RATIOS}
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}
${atOneRate(rows)}`
}

/** The cost of an admitted and of a refused request. */
function atOneRate (rows: Row[]) {
  const all = rows.filter(({ workload }) => workload.startsWith(SAME_RATE))
  if (all.length === 0) return ''
  const line = (row: Row) =>
    `| ${row.workload.slice(SAME_RATE.length)} | ${Math.round(undisturbed(row, 'cpuMicros'))} | ${
      row.rounds.map(({ cpuMicros }) => Math.round(cpuMicros)).join(', ')
    } |`
  return `
| admitted or refused, ${
    Math.round(undisturbed(all[0]!, 'requestsPerSecond'))
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
        Math.round(undisturbed(row, 'requestsPerSecond')),
        `${Math.min(...rates)} – ${Math.round(median(rates))} – ${Math.max(...rates)}`,
        ratio(row, reference),
        undisturbed(row, 'p50').toFixed(1),
        undisturbed(row, 'p99').toFixed(1),
        Math.round(undisturbed(row, 'cpuMicros')),
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
          (undisturbed(row, 'requestsPerSecond') / undisturbed(one, 'requestsPerSecond')).toFixed(2)
        } | ${(2 * undisturbed(one, 'cpuMicros') / undisturbed(row, 'cpuMicros')).toFixed(2)} |`
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
