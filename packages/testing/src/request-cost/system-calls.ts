import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** Why system calls cannot be counted on this machine; undefined where they can. */
export function whyNoSystemCalls (): string | undefined {
  const { error, status } = spawnSync('strace', ['-c', '-o', '/dev/null', 'true'])
  if (error !== undefined) return 'strace is not installed'
  return status === 0 ? undefined : 'strace may not trace processes here'
}

/** Calls that follow the machine's load or the collector rather than the code. */
const UNCOUNTED = 'trace=!epoll_wait,epoll_pwait,futex,sched_yield,madvise,mmap,munmap,mprotect'

/** The system calls of all threads of a process while something happens, waiting and memory apart. */
export async function systemCallsOf (pid: number, happens: () => Promise<void>): Promise<number> {
  const args = ['-c', '-f', '-e', UNCOUNTED, '-p', String(pid)]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(strace, 'exit')
  const report = text(strace.stderr)
  await Promise.race([once(strace.stderr, 'data'), exited]) // that it is attached
  try {
    await happens()
  } finally {
    strace.kill('SIGINT')
    await exited
  }
  const total = /^100\.00\s+\S+\s+(?:\d+\s+)?(\d+)(?:\s+\d+)?\s+total$/m.exec(await report)?.[1]
  if (total === undefined) throw new Error(`strace counted nothing\n${await report}`)
  return Number(total)
}
