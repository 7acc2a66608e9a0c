import { parseArgs, type ParseArgsConfig } from 'node:util'

/** An invalid command line: one line on standard error, exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

type Options = NonNullable<ParseArgsConfig['options']>

export interface CommandLine<Accepted extends Options> {
  /** As in `pnpm <name>`. */
  name: string
  /** One screen, for `--help`. */
  help: string
  options?: Accepted
  /** The fewest and the most words that are no options; none by default. */
  words?: readonly [number, number]
  /** Words that may begin with a dash, such as ids in base64url. */
  dashed?: RegExp
  /** Keeps running after the reader of its output has left. */
  outlivesReader?: boolean
}

type Values<Accepted extends Options> = ReturnType<typeof parseArgs<{ options: Accepted, strict: true }>>['values']

/**
 * Reads the arguments that follow the program's name. Throws {@link UsageError} for an unknown option and for too few
 * or too many words.
 */
export function parseCommandLine<const Accepted extends Options> (
  argv: readonly string[],
  { options, words: [fewest, most] = [0, 0], dashed }: Pick<CommandLine<Accepted>, 'options' | 'words' | 'dashed'>
) {
  const { values, positionals: words } = parsed(dashed ? dashedLast(argv, dashed) : argv, options)
  if (words.length > most) throw new UsageError(`unexpected argument '${words[most]}'`)
  if (words.length < fewest) throw new UsageError('an argument is missing')
  return { values: values as Values<Accepted>, words }
}

/** Behind `--` an argument is a word, whatever it begins with. */
function dashedLast (argv: readonly string[], dashed: RegExp): readonly string[] {
  if (argv.includes('--')) return argv
  const { words = [], others = [] } = Object.groupBy(argv, (argument) => dashed.test(argument) ? 'words' : 'others')
  return [...others, '--', ...words]
}

function parsed (argv: readonly string[], options: Options = {}) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true })
  } catch (error) {
    const [sentence] = (error as Error).message.split(/\.\s/)
    throw new UsageError(sentence!.replace(/^\p{Lu}/u, (letter) => letter.toLowerCase()))
  }
}

/**
 * Runs a root script: `--help` prints its screen and is exit code 0, a {@link UsageError} is one line and 2, any other
 * error one line and 1. Code that the command needs is loaded by `run`, so that `--help` costs nothing.
 */
export async function command<const Accepted extends Options> (
  line: CommandLine<Accepted>,
  run: (given: ReturnType<typeof parseCommandLine<Accepted>>) => Promise<number | void>
): Promise<void> {
  await rawCommand(line, (argv) => run(parseCommandLine(argv, line)))
}

/** {@link command} for a script that reads its arguments itself, or hands them on. */
export async function rawCommand (
  { name, help, outlivesReader = false }: Omit<CommandLine<Options>, 'options' | 'words'>,
  run: (argv: string[]) => Promise<number | void>
): Promise<void> {
  heedReader(outlivesReader)
  ignoreLibpqVariables()
  // `pnpm start -- --fresh` hands the dashes over, npm does not.
  const argv = process.argv.slice(process.argv[2] === '--' ? 3 : 2)
  if (argv.some((argument) => argument === '--help' || argument === '-h')) {
    process.stdout.write(`${help.trim()}\n`)
    return
  }
  try {
    process.exitCode = await run(argv) ?? process.exitCode
  } catch (error) {
    const isUsage = error instanceof UsageError
    process.stderr.write(`${name}: ${(error as Error).message}${isUsage ? `; see pnpm ${name} --help` : ''}\n`)
    process.exitCode = isUsage ? 2 : 1
  }
}

/** Ends the command silently once its reader has left, as in `pnpm events tail | head`. */
function heedReader (outlivesReader: boolean) {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (outlivesReader) return
      if (error.code !== 'EPIPE') throw error
      process.exit()
    })
  }
}

/**
 * A database's URL says everything. `PGOPTIONS`, `PGSSLMODE` and the like belong to other programs, and would change
 * our sessions.
 */
function ignoreLibpqVariables () {
  for (const name of Object.keys(process.env)) if (/^PG[A-Z]/.test(name)) delete process.env[name]
}
