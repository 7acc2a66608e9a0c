import { parseCommandLine, UsageError } from '../../../scripts/command-line.ts'

/**
 * What a bench is told: `--name value` for each of its defaults; numbers where the default is one. Throws {@link
 * UsageError} for an option that it does not know.
 */
export function options<Defaults extends Record<string, number | string>> (
  args: string[],
  defaults: Defaults
): { [Name in keyof Defaults]: Defaults[Name] extends number ? number : string } {
  const { values } = parseCommandLine(args, {
    options: Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' as const }]))
  })
  return Object.fromEntries(Object.entries(defaults).map(([name, usual]) => {
    const given = values[name] ?? usual
    if (typeof usual === 'string') return [name, given]
    if (!(Number(given) > 0)) throw new UsageError(`--${name} needs a number above 0, not "${given}"`)
    return [name, Number(given)]
  })) as never
}

/** Whether `--only`, a regular expression, lets something of this name in. */
export function isWanted (name: string, only: string): boolean {
  return new RegExp(only, 'i').test(name)
}
