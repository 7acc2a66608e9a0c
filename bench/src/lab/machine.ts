import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { delimiter, join } from 'node:path'

/** A program on PATH, or undefined. */
export function which (name: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin'].map((folder) => join(folder, name))
    .find((path) => existsSync(path))
}

/**
 * The cores of what is measured, the first ones, and those of load and upstream: the others, or all where there are no
 * others.
 */
export function coresFor (measured: number): { measured: number[], rest: number[] } {
  const all = Array.from({ length: availableParallelism() }, (_, core) => core)
  return all.length > measured
    ? { measured: all.slice(0, measured), rest: all.slice(measured) }
    : { measured: all, rest: all }
}

/** The command that pins a program to these cores, where the machine can. */
export function pinned (cores: number[], command: string, args: string[]): [string, string[]] {
  const taskset = which('taskset')
  return taskset && cores.length > 0 ? [taskset, ['-c', cores.join(), command, ...args]] : [command, args]
}

/** Moves the threads of a running process to these cores: those of this name, or all of them. */
export function moveThreads (pid: number, cores: number[], name?: string) {
  const threads = readdirSync(`/proc/${pid}/task`).filter((thread) =>
    name === undefined || readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim() === name
  )
  for (const thread of threads) {
    const { status, stderr } = spawnSync('taskset', ['-p', '-c', cores.join(), thread], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`taskset: ${stderr}`)
  }
}

/** A process and all that it started, and these started; only itself where /proc does not tell. */
export function processesOf (pid: number): number[] {
  try {
    const parents = new Map(readdirSync('/proc').filter((name) =>
      /^\d+$/.test(name)
    ).map((name) => [Number(name), Number(statOf(Number(name))?.[1])]))
    const family = [pid]
    for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child)
    return family
  } catch {
    return [pid]
  }
}

/** The fields of /proc/…/stat from the third on: the second, a command, may contain spaces. */
function statOf (pid: number) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  } catch {
    return undefined // the process has ended
  }
}

/** Seconds of CPU that a child and its own children have used; NaN where /proc does not tell. */
export function cpuSeconds (pid: number): number {
  const used = processesOf(pid).map(statOf).map((fields) =>
    fields ? (Number(fields[11]) + Number(fields[12])) / 100 : NaN
  )
  return used.reduce((sum, seconds) => sum + seconds, 0) || NaN
}

/** Megabytes of RAM that the process holds; NaN where /proc does not tell. */
export function residentMegabytes (pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
  } catch {
    return NaN
  }
}

export function describeMachine (...programs: Array<[command: string, ...args: string[]]>): string {
  const version = ([command, ...args]: [string, ...string[]]) => {
    const program = which(command)
    if (program === undefined) return `${command} absent`
    // Not by its exit code: wrk's is 1 when it is asked for its version.
    const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    return `${stdout}${stderr}`.split(/\n| - | \[/)[0]!.trim()
  }
  return [
    `${cpus()[0]?.model ?? 'unknown'} × ${availableParallelism()}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Node ${process.version}`,
    ...programs.map(version)
  ].join(', ')
}
