import { parseArgs } from 'node:util'

/** The command was called in a way that means nothing; exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export interface Arguments {
  command: string
  /** What follows the command without dashes. */
  words: string[]
  json: boolean
  check: boolean
  all: boolean
  dryRun: boolean
  type: string | undefined
  consumer: string | undefined
  from: number | undefined
  count: number | undefined
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
  wait: { type: 'string' }
} as const

/** Throws {@link UsageError} for an unknown option or a number that is none. */
export function parseArguments (argv: string[]): Arguments {
  try {
    const { values, positionals: [command = '', ...words] } = parseArgs({ args: argv, options, allowPositionals: true })
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
      wait: numberOf('--wait', values.wait) ?? 10
    }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export function numberOf (name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${name} needs a whole number, not "${text}"`)
  return Number(text)
}
