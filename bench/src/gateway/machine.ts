import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { delimiter, join } from 'node:path'

/** A program on PATH, or undefined. */
export function which (name: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin'].map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** The command that keeps a program on one core, where the machine can. */
export function pinned (core: number, command: string, args: string[]): [string, string[]] {
  const taskset = which('taskset')
  return taskset && availableParallelism() > core ? [taskset, ['-c', String(core), command, ...args]] : [command, args]
}

/** Seconds of CPU that a process and its children have used; NaN where /proc does not tell. */
export function cpuSeconds (pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return NaN
  }
}

export function describeMachine (): string {
  const version = (command: string, args: string[]) => { try { return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split('\n')[0]! } catch { return 'absent' } }
  return `${cpus()[0]?.model ?? 'unknown'} × ${availableParallelism()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${version('haproxy', ['-v'])}`
}
