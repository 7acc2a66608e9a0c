import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '@gatepost/testing/environment'
import { isOpen } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { afterAll, afterEach } from 'vitest'
import { portVariables as variables } from '../../../scripts/start/addresses.ts'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
const NAMES = Object.values(variables)

export interface Run {
  process: ChildProcess
  output: () => string
  ended: Promise<number | null>
}

export interface StartOptions {
  command?: string[]
  cwd?: string
  uid?: number
}

/** A port for every variable of a start. */
export async function portVariables () {
  const numbers = await freePorts(NAMES.length)
  return Object.fromEntries(NAMES.map((name, index) => [name, String(numbers[index])])) as Record<string, string>
}

/** Starts of one test file, in a folder of its own and on ports of its own; none outlives its test. */
export async function prepareStarts () {
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-start-'))
  const ports = await portVariables()
  const runs: Run[] = []
  afterEach(async () => {
    for (const run of runs.splice(0)) {
      run.process.kill('SIGKILL')
      await run.ended
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return {
    folder,
    ports,

    /** Runs the command as `pnpm start` does. */
    start (
      env: Record<string, string | undefined> = {},
      { command = [process.execPath, 'scripts/start.ts'], cwd = root, uid }: StartOptions = {}
    ): Run {
      const child = spawn(command[0]!, command.slice(1), {
        cwd,
        uid,
        env: { ...bareEnvironment, HOME: process.env.HOME, GATEPOST_DATA: join(folder, 'data'), ...ports, ...env },
        stdio: ['ignore', 'pipe', 'pipe']
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString()
        })
      }
      const run = {
        process: child,
        output: () => output,
        ended: once(child, 'close').then(([code]) => code as number | null)
      }
      runs.push(run)
      return run
    },

    async openPorts () {
      const open = await Promise.all(NAMES.map(async (name) => await isOpen(Number(ports[name])) ? [name] : []))
      return open.flat()
    }
  }
}

export async function untilReady (run: Run) {
  let code: number | null | undefined
  void run.ended.then((ended) => { code = ended })
  while (!run.output().includes('Gatepost is ready')) {
    if (code !== undefined) throw new Error(`ended with code ${code}:\n${run.output()}`)
    await sleep(50)
  }
}

/** Its children, by what they run. */
export function childrenOf (pid: number) {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n').map((line) =>
    line.trim().match(/^(\d+)\s+(\d+)\s+(.*)$/)
  ).filter((match) => match !== null)
  return rows.filter(([, , parent]) => Number(parent) === pid).map(([, child, , args]) => ({
    pid: Number(child),
    args: args!
  }))
}
