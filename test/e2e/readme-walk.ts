/** One command of the README and what it prints; `…` in the output stands for anything. */
export interface Step {
  command: string
  output: string
}

/**
 * Reads the ```console blocks of a page: lines that begin with `$ ` are commands, continued behind a backslash; the
 * others are what the command prints.
 */
export function stepsOf (page: string): Step[] {
  const blocks = [...page.matchAll(/^```console\n([^]*?)^```/gm)].map((match) => match[1]!)
  const steps: Step[] = []
  for (const line of blocks.flatMap((block) => block.trimEnd().split(/(?<!\\)\n/))) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: '' })
    else steps.at(-1)!.output += `${line}\n`
  }
  return steps
}

/** The output of a step as a pattern over what was really printed. */
export function patternOf (output: string) {
  const escaped = output.trimEnd().split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('[^]*?')}\\s*$`)
}
