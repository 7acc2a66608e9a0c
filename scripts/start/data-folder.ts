import { constants } from 'node:fs'
import { access, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FolderLockedError, lockFolder } from '@gatepost/local-stack/folder-lock'

/** What an embedded run keeps; `--fresh` removes this and nothing else that may be in the folder. */
const CONTENTS = ['postgres', 'nats', 'logs', 'mail', 'token-secret']

/** Makes the folder that keeps the state of the embedded run, for this process alone. Throws a readable error when another run has it, or it cannot be written. */
export async function lockDataFolder (folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
    await lockFolder(folder)
  } catch (cause) {
    if (!(cause instanceof FolderLockedError)) throw unwritable(folder, cause)
    const { pid, since } = cause.owner
    throw new Error(`another start has the folder ${folder}: process ${pid}, since ${since.toISOString()}; stop it, or name another folder with GATEPOST_DATA`, { cause })
  }
}

/** Forgets what earlier runs kept. */
export async function emptyDataFolder (folder: string): Promise<void> {
  await Promise.all(CONTENTS.map((name) => rm(join(folder, name), { recursive: true, force: true }))).catch((cause) => { throw unwritable(folder, cause) })
}

function unwritable (folder: string, cause: unknown) {
  return new Error(`the folder ${folder} cannot be written (${(cause as NodeJS.ErrnoException).code}): make it writable, or name another one with GATEPOST_DATA`, { cause })
}
