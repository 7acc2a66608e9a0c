import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

export interface ProcessFacts {
  /** Differs from that of every other process that had or will have the same pid. */
  birth: string
  startedAt: Date
  /** The program's file and its working directory, on Linux; undefined where this user may not see them. */
  program?: string
  folder?: string
  /** Program and arguments, where only `ps` tells them. */
  command?: string
}

/**
 * Facts that tell a process from another one to which the system gives the same pid later; undefined when none runs.
 */
export function factsOf (pid: number): ProcessFacts | undefined {
  return process.platform === 'linux' ? factsFromProc(pid) : factsFromPs(pid)
}

const CLOCK_TICK_MS = 10
const STARTTIME = 19 // field 22 of /proc/<pid>/stat, counted from the state behind the name

function factsFromProc (pid: number): ProcessFacts | undefined {
  const stat = textOf(`/proc/${pid}/stat`)
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (!state || state === 'Z' || state === 'X') return undefined
  const ticks = Number(fields[STARTTIME - 1])
  const bootedAt = Number(/^btime (\d+)$/m.exec(textOf('/proc/stat'))?.[1]) * 1000
  return {
    birth: `${textOf('/proc/sys/kernel/random/boot_id').slice(0, 8)}-${ticks}`,
    startedAt: new Date(bootedAt + ticks * CLOCK_TICK_MS),
    program: targetOf(`/proc/${pid}/exe`),
    folder: targetOf(`/proc/${pid}/cwd`)
  }
}

function factsFromPs (pid: number): ProcessFacts | undefined {
  try {
    const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
    const line = execFileSync('ps', ['-o', 'lstart=,command=', '-p', String(pid)], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    })
    const [, lstart, command] = /^\s*(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/m.exec(line)!
    return { birth: lstart!.replaceAll(/\W+/g, '-'), startedAt: new Date(`${lstart} UTC`), command }
  } catch {
    return undefined
  }
}

function textOf (path: string) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function targetOf (link: string) {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}
