import { spawnSync } from 'node:child_process'
import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { factsOf, type ProcessFacts } from '../process-identity.ts'

/** PostgreSQL notes its start to the second, a moment after it. */
const TOLERANCE_MS = 10_000
const PATIENCE_MS = 10_000
const LOOK_MS = 50

/**
 * Ends a PostgreSQL that outlived its supervisor in this cluster, so that there are never two on one folder. Nothing is
 * signalled unless its program, its folder and its start say that it is that server. The pid of a stale file may be
 * another program's by now, which PostgreSQL itself takes for a server as soon as the same user runs it.
 */
export async function endLeftover (folder: string): Promise<void> {
  const file = join(folder, 'postmaster.pid')
  const [pidLine = '', , started = ''] = contentsOf(file).split('\n')
  const pid = Number(pidLine)
  const facts = pid > 0 ? factsOf(pid) : undefined
  if (!facts) return // PostgreSQL recognises the file of a process that is gone
  if (!worksIn(facts, folder)) return disown(file, pidLine)
  // PostgreSQL itself refuses to start and says why.
  if (Math.abs(facts.startedAt.getTime() - Number(started) * 1000) > TOLERANCE_MS) return
  process.kill(pid, 'SIGINT')
  for (let waited = 0; waited < PATIENCE_MS && factsOf(pid)?.birth === facts.birth; waited += LOOK_MS) {
    await sleep(LOOK_MS)
  }
}

/** Whether the process is a PostgreSQL on this folder; also true when this user may not inspect it. */
function worksIn ({ program, folder, command }: ProcessFacts, cluster: string) {
  if (command !== undefined) return command.includes('postgres') && command.includes(cluster)
  if (program === undefined || folder === undefined) return true
  return basename(program).startsWith('postgres') && folder === realpathSync(cluster)
}

/** The rest of the file stays: by it PostgreSQL finds backends that outlived their server. */
function disown (file: string, pidLine: string) {
  const { pid } = spawnSync(process.execPath, ['--version'])
  writeFileSync(file, contentsOf(file).replace(pidLine, String(pid)))
}

function contentsOf (file: string) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
