import { constants } from 'node:fs'
import { access, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The folder that keeps the state of the embedded run; emptied first when `fresh`. */
export async function dataFolder (root: string, fresh: boolean): Promise<string> {
  const folder = join(root, '.data')
  try {
    if (fresh) await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new Error(`the folder ${folder} cannot be written (${(cause as NodeJS.ErrnoException).code}): make it writable, or clone into a folder that is`, { cause })
  }
  return folder
}
