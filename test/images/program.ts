import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

export interface ProgramOptions {
  cwd?: string
  env?: Record<string, string | undefined>
  /** What it reads. */
  input?: NodeJS.ReadableStream
  /** Where what it prints goes, in place of the result. */
  output?: NodeJS.WritableStream
  /** It may end with another exit code than 0. */
  mayFail?: boolean
}

const TAIL = 25

/** Runs a program to its end; resolves with what it printed, rejects with the end of it when its exit code is not 0. */
export async function run (
  [program, ...args]: readonly string[],
  { cwd, env, input, output: target, mayFail = false }: ProgramOptions = {}
): Promise<string> {
  const child = spawn(program!, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe']
  })
  if (input) input.pipe(child.stdin!)
  const [output, errors, [code]] = await Promise.all([
    target ? pipeline(child.stdout!, target).then(() => '') : text(child.stdout!),
    text(child.stderr!),
    once(child, 'close') as Promise<[number | null]>
  ])
  if (code === 0 || mayFail) return output
  const tail = `${output}\n${errors}`.trim().split('\n').slice(-TAIL).join('\n')
  throw new Error(`${[program, ...args].join(' ')} ended with ${code}:\n${tail}`)
}
