import { constants } from 'node:fs'
import { access, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FolderLockedError, lockFolder } from '@gatepost/local-stack/folder-lock'

/** What an embedded run keeps; `--fresh` removes this and nothing else that may be in the folder. */
const CONTENTS = ['postgres', 'nats', 'logs', 'mail', 'token-secret']

/**
 * Makes the folder that keeps the state of the embedded run, for this process alone. Throws a readable error when
 * another run has it, or it cannot be written.
 */
export async function lockDataFolder (folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await refuseForeignFiles(folder)
    await access(folder, constants.W_OK)
    await lockFolder(folder)
  } catch (cause) {
    if (cause instanceof ForeignFilesError) throw cause
    if (!(cause instanceof FolderLockedError)) throw unwritable(folder, cause)
    const { pid, since } = cause.owner
    throw new Error(
      `another start has the folder ${folder}: process ${pid}, since ${since.toISOString()}; stop it, or name ` +
      'another folder with GATEPOST_DATA',
      { cause }
    )
  }
}

class ForeignFilesError extends Error {}

/**
 * Files of another account are left alone: what this account adds could not be written by that one afterwards. Root may
 * write anywhere, so for root the folder itself says whose it is; others may share one that they can write. Root has
 * PostgreSQL run by another account, so below `postgres` nothing is compared.
 */
async function refuseForeignFiles (folder: string) {
  const own = process.getuid?.()
  const contents = CONTENTS.map((name) => join(folder, name))
  const isWritable = await access(folder, constants.W_OK).then(() => true, () => false)
  for (const path of own === 0 || !isWritable ? [folder, ...contents] : contents) {
    const owner = (await stat(path).catch(() => undefined))?.uid
    if (own === undefined || owner === undefined || owner === own) continue
    const remedy = own === 0 ? 'start as that account' : `give it to this one (sudo chown -R ${own} ${folder})`
    throw new ForeignFilesError(
      `${path} belongs to another account, user id ${owner}: ${remedy}, or name another folder with GATEPOST_DATA`
    )
  }
}

/** Deletes the data of earlier runs. */
export async function emptyDataFolder (folder: string): Promise<void> {
  await Promise.all(CONTENTS.map((name) => rm(join(folder, name), { recursive: true, force: true }))).catch((cause) => {
    throw unwritable(folder, cause)
  })
}

function unwritable (folder: string, cause: unknown) {
  return new Error(
    `the folder ${folder} cannot be written (${
      (cause as NodeJS.ErrnoException).code
    }): make it writable, or name another one with GATEPOST_DATA`,
    { cause }
  )
}
