import { execFileSync } from 'node:child_process'

/** The process and all below it, parents first. */
function treeOf (pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const children = Map.groupBy(
    lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]),
    ([, parent]) => parent
  )
  const tree = [pid]
  for (const parent of tree) tree.push(...(children.get(parent) ?? []).map(([child]) => child))
  return tree
}

/**
 * Stops a process and all below it, as a machine that hangs does: connections stay open and nobody answers. The first
 * to stop is the one that could start more. Returns how to let them go on.
 */
export function freeze (pid: number): () => void {
  process.kill(pid, 'SIGSTOP')
  const tree = treeOf(pid)
  for (const child of tree) send(child, 'SIGSTOP')
  return () => { for (const child of tree.reverse()) send(child, 'SIGCONT') }
}

function send (pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it ended meanwhile
  }
}
