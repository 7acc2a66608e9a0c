import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * The processes between the user and us: npx, pnpm and their shells, nearest first. Any of them may be ended without a
 * word to what it started (a signal to npx reaches npx alone), so we watch them all.
 */
export function launchers (): number[] {
  const pids = [process.ppid]
  for (;;) {
    const found = lookUp(pids.at(-1)!)
    if (!found || found.parent <= 1 || !/\b(npm|npx|pnpm)\b|^(\S*\/)?sh -c /.test(found.command)) return pids
    pids.push(found.parent)
  }
}

/** Whether one of them is gone. */
export function isLaunchersGone (pids: readonly number[]): boolean {
  return process.ppid !== pids[0] || !pids.every(isAlive)
}

function lookUp (pid: number) {
  try {
    if (process.platform === 'linux') {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]
      return { parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }
    }
    const [, parent, command] = /^\s*(\d+)\s+(.*)$/m.exec(execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }))!
    return { parent: Number(parent), command: command! }
  } catch {
    return undefined // gone, or not to be seen: then the nearest one alone is watched
  }
}

function isAlive (pid: number) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
