import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, globSync, openSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ProgramOptions, run } from './program.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

export interface Engine {
  /** What builds need to get at the network. */
  buildOptions: string[]
  /** Runs docker in the repository; resolves with what it printed. */
  docker (args: readonly string[], options?: ProgramOptions): Promise<string>
  /** The command line that runs a program where published ports are. */
  near (command: readonly string[]): string[]
  stop (): Promise<void>
}

/** The Docker that runs on this machine, with Compose; undefined when there is none. */
export async function runningEngine (): Promise<Engine | undefined> {
  const docker: Engine['docker'] = (args, options) => run(['docker', ...args], { cwd: root, ...options })
  try {
    await Promise.all([docker(['info']), docker(['compose', 'version'])])
    return { buildOptions: [], docker, near: (command) => [...command], async stop () {} }
  } catch {
    return undefined
  }
}

/** To build, it uses the network of this machine and changes nothing about it; to run, it has one of its own. */
const NETWORKS = {
  ours: ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'],
  own: []
}
const START_MS = 60_000
const POLL_MS = 200
const GROUPS_MS = 10_000

/** Starts a Docker out of a folder, in namespaces that end with it. */
export async function startEngine (folder: string, network: keyof typeof NETWORKS): Promise<Engine> {
  const enter = join(root, 'test/images/enter.sh')
  const group = `gatepost-images-${process.pid}`
  const options = [`--cgroup-parent=/${group}`, ...NETWORKS[network]].join(' ')
  const daemon = `ip link set lo up; exec sh ${enter} ${folder} ${root} dockerd ${options}`
  const log = openSync(`${folder}.log`, 'w', 0o600)
  const child = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', ...network === 'own' ? ['--net'] : [], 'sh', '-c', daemon],
    { stdio: ['ignore', log, log] }
  )
  closeSync(log)
  const ended = once(child, 'close')
  const inside = `/proc/${child.pid}/root`
  const enterIt = ['nsenter', `--target=${child.pid}`, '--mount', `--root=${inside}`, `--wd=${inside}${root}`]
  const engine: Engine = {
    buildOptions: ['--network', 'host'],
    docker: (args, options) => run([...enterIt, 'docker', ...args], options),
    near: (command) => ['nsenter', `--target=${child.pid}`, '--net', ...command],
    async stop () {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), START_MS)
      await ended
      clearTimeout(timer)
      await removeGroups(group)
    }
  }
  for (const deadline = Date.now() + START_MS; ; await sleep(POLL_MS)) {
    if (await engine.docker(['info'], { mayFail: true }).then((text) => text.includes('Server Version'))) return engine
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`dockerd did not start: ${folder}.log says why`)
    }
  }
}

/** Ends what an interrupted build or container left, and removes the groups of processes that were the engine's. */
async function removeGroups (name: string) {
  for (const deadline = Date.now() + GROUPS_MS; ; await sleep(POLL_MS)) {
    const groups = globSync(`/sys/fs/cgroup/{*/,}${name}`).flatMap((group) => [
      group,
      ...readdirSync(group, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name))
    ])
    try {
      for (const group of groups.sort((one, other) => other.length - one.length)) {
        for (const pid of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n')) {
          if (pid) process.kill(Number(pid), 'SIGKILL')
        }
        rmdirSync(group)
      }
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}
