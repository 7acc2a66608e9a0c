import { parseCommandLine, UsageError } from '../command-line.ts'

export { UsageError } from '../command-line.ts'

export interface Arguments {
  command: string
  /** The positional arguments. */
  words: string[]
  json: boolean
  check: boolean
  all: boolean
  dryRun: boolean
  type: string | undefined
  consumer: string | undefined
  from: number | undefined
  count: number | undefined
  consumers: number | undefined
  wait: number
}

const options = {
  json: { type: 'boolean' },
  check: { type: 'boolean' },
  all: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  type: { type: 'string' },
  consumer: { type: 'string' },
  from: { type: 'string' },
  count: { type: 'string' },
  consumers: { type: 'string' },
  wait: { type: 'string' }
} as const

/** What each command takes beside `--json`: options, and the fewest and the most words. */
const accepted: Record<string, { options: readonly (keyof typeof options)[], words?: readonly [number, number] }> = {
  tail: { options: ['type', 'from', 'count'] },
  show: { options: [], words: [1, 1] },
  dlq: { options: ['consumer', 'all'], words: [0, 2] },
  quarantine: { options: [], words: [0, 2] },
  replay: { options: ['consumer', 'from', 'wait'] },
  rebuild: { options: ['wait'], words: [1, 1] },
  resync: { options: ['dry-run', 'wait'] },
  snapshot: { options: ['dry-run'], words: [1, 1] },
  audit: { options: ['wait'] },
  subscriber: { options: ['consumers'], words: [0, 2] },
  provision: { options: ['check'] }
}

/**
 * Throws {@link UsageError} for an unknown command, for what the command does not take, and for a number that is none.
 */
export function parseArguments (argv: readonly string[]): Arguments {
  const { values, words: [command, ...words] } = parseCommandLine(argv, { options, words: [0, Infinity] })
  if (command === undefined) throw new UsageError('a command is missing')
  const accepts = Object.hasOwn(accepted, command) ? accepted[command] : undefined
  if (!accepts) throw new UsageError(`there is no command "${command}"`)
  const other = Object.keys(values).find((name) =>
    name !== 'json' && !accepts.options.includes(name as keyof typeof options)
  )
  if (other) throw new UsageError(`${command} takes no --${other}`)
  const [fewest, most] = accepts.words ?? [0, 0]
  if (words.length > most) throw new UsageError(`unexpected argument '${words[most]}'`)
  if (words.length < fewest) throw new UsageError(`${command} needs an argument`)
  return {
    command,
    words,
    json: values.json ?? false,
    check: values.check ?? false,
    all: values.all ?? false,
    dryRun: values['dry-run'] ?? false,
    type: values.type,
    consumer: values.consumer,
    from: numberOf('--from', values.from),
    count: numberOf('--count', values.count),
    consumers: numberOf('--consumers', values.consumers),
    wait: numberOf('--wait', values.wait) ?? 10
  }
}

export function numberOf (name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${name} needs a whole number, not "${text}"`)
  return Number(text)
}
