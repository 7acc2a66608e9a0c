import { constants } from 'node:fs'
import { access, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What an embedded run keeps; `--fresh` removes this and nothing else that may be in the folder. */
const CONTENTS = ['postgres', 'nats', 'logs', 'mail', 'token-secret']

/** Makes the folder that keeps the state of the embedded run, or empties it first when `fresh`. Throws a readable error when it cannot be written. */
export async function prepareDataFolder (folder: string, fresh: boolean): Promise<void> {
  try {
    if (fresh) await Promise.all(CONTENTS.map((name) => rm(join(folder, name), { recursive: true, force: true })))
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new Error(`the folder ${folder} cannot be written (${(cause as NodeJS.ErrnoException).code}): make it writable, or name another one with GATEPOST_DATA`, { cause })
  }
}
