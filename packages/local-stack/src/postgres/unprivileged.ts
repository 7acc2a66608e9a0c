import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** A user and how to become it for one command. */
export interface Command {
  program: string
  args: string[]
  uid?: number
  gid?: number
}

interface User {
  uid: number
  gid: number
}

/**
 * The user without rights that root hands PostgreSQL to, which refuses to run as root; undefined when we are not root.
 * A cluster that exists stays with its owner: accounts may have been added since it was made.
 */
export function unprivilegedUser (cluster?: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = cluster === undefined ? { uid: 0, gid: 0 } : statSync(cluster)
  if (uid !== 0) return { uid, gid }
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      continue // no such user
    }
  }
  throw new Error(
    'PostgreSQL cannot run as root, and there is neither a user "postgres" nor "nobody"; start as another user'
  )
}

/**
 * The command as that user. Where it cannot even reach the program or the folder (a clone below root's own home), it
 * gets the one right that opens the way, and still is not root.
 */
export function asUnprivileged (program: string, args: string[], folder: string, user = unprivilegedUser()): Command {
  if (!user) return { program, args }
  if ([program, folder].every((path) => isReachable(path, user))) return { program, args, ...user }
  const become = [
    '--reuid',
    String(user.uid),
    '--regid',
    String(user.gid),
    '--clear-groups',
    '--inh-caps',
    '+dac_override',
    '--ambient-caps',
    '+dac_override'
  ]
  return { program: 'setpriv', args: [...become, program, ...args] }
}

function isReachable (path: string, { uid, gid }: User): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stat = statSync(folder)
    const bit = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001
    if (!(stat.mode & bit)) return false
    if (folder === dirname(folder)) return true
  }
}
