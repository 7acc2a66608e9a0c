import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { factsOf } from './process-identity.ts'

export interface FolderOwner {
  pid: number
  since: Date
}

/** Another process has the folder. */
export class FolderLockedError extends Error {
  override name = 'FolderLockedError'
  readonly owner: FolderOwner

  constructor (folder: string, owner: FolderOwner) {
    super(`${folder} is used by process ${owner.pid} since ${owner.since.toISOString()}`)
    this.owner = owner
  }
}

const CLAIM = /^lock-(\d+)-([\w-]+)$/
/** A younger claim may be another contender's, who withdraws as well when both see each other. */
const CONTENTION_MS = 1_000
const MAX_PAUSE_MS = 100

/**
 * Makes this process the only owner of a folder, until it releases it or ends in whatever way. Throws
 * {@link FolderLockedError} when a living process has it.
 *
 * A claim is an empty file whose name says which process made it. A process claims first and looks at the other claims
 * afterwards, so of two that overlap at least one sees the other and withdraws. Claims of dead processes are removed:
 * no later process has both their pid and their birth.
 */
export async function lockFolder (folder: string): Promise<() => void> {
  const name = `lock-${process.pid}-${factsOf(process.pid)?.birth ?? 'unknown'}`
  const release = () => rmSync(join(folder, name), { force: true })
  for (;;) {
    writeFileSync(join(folder, name), '')
    const owner = otherOwner(folder, name)
    if (!owner) {
      process.once('exit', release)
      return release
    }
    release()
    if (Date.now() - owner.since.getTime() > CONTENTION_MS) throw new FolderLockedError(folder, owner)
    await sleep(Math.random() * MAX_PAUSE_MS)
  }
}

function otherOwner (folder: string, own: string): FolderOwner | undefined {
  for (const name of readdirSync(folder)) {
    const [, pid, birth] = CLAIM.exec(name) ?? []
    if (pid === undefined || name === own) continue
    const since = statSync(join(folder, name), { throwIfNoEntry: false })?.mtime
    if (since && isRunning(Number(pid), birth!)) return { pid: Number(pid), since }
    rmSync(join(folder, name), { force: true })
  }
}

function isRunning (pid: number, birth: string) {
  if (birth !== 'unknown') return factsOf(pid)?.birth === birth
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
