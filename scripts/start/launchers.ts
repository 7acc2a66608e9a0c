import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { factsOf } from '@gatepost/local-stack/process-identity'

export interface Launcher {
  pid: number
  birth: string
}

const MANAGER = /^(npm|npx|pnpm|pnpx|corepack)(-cli)?(\.[cm]?js)?$/
const SHELL = /^(ba|da|z|k)?sh$/

/**
 * The package managers between the user and us, and the shells that they start, nearest first. Any of them may be ended
 * without a word to what it started (a signal to npx reaches npx alone), so all of them are watched. Whoever called the
 * outermost manager is not: a script may be over, and a terminal closed.
 */
export function launchers (pid = process.ppid): Launcher[] {
  const found: (Launcher & { isManager: boolean })[] = []
  for (let next = pid; next > 1;) {
    const launcher = lookUp(next)
    if (!launcher || !(launcher.isManager || launcher.isShell)) break
    found.push({ pid: next, birth: launcher.birth, isManager: launcher.isManager })
    next = launcher.parent
  }
  return found.slice(0, found.findLastIndex(({ isManager }) => isManager) + 1)
}

/** Whether one of the launchers has ended. */
export function isLauncherGone (startedBy: readonly Launcher[]): boolean {
  return startedBy.some(({ pid, birth }) => factsOf(pid)?.birth !== birth)
}

function lookUp (pid: number) {
  try {
    const { parent, command } = process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
    const [program = '', second = ''] = command
    const name = basename(program)
    return {
      parent,
      birth: factsOf(pid)!.birth,
      isManager: MANAGER.test(name) || (name.startsWith('node') && MANAGER.test(basename(second))),
      isShell: SHELL.test(name) && second === '-c'
    }
  } catch {
    return undefined // gone, or not to be seen
  }
}

function fromProc (pid: number) {
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]
  // npm shows itself as one text, "npm exec pnpm".
  const [program = '', ...rest] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  return { parent: Number(parent), command: program.startsWith('npm ') ? program.split(' ') : [program, ...rest] }
}

function fromPs (pid: number) {
  const [, parent, command] = /^\s*(\d+)\s+(.*)$/m
    .exec(execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }))!
  return { parent: Number(parent), command: command!.split(' ') }
}
