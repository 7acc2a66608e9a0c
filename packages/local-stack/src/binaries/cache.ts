import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Env } from '../environment.ts'

/**
 * Where servers that were fetched are kept: where the variable says and nowhere else, or with the user's caches, for
 * all clones, or in `spare`, for users without a home that they can write.
 */
export function cacheFolders (env: Env, spare?: string): string[] {
  if (env.GATEPOST_CACHE) return [env.GATEPOST_CACHE]
  const home = env.HOME || homeOfAccount()
  const caches = env.XDG_CACHE_HOME || (home && join(home, '.cache'))
  return [caches && join(caches, 'gatepost'), spare].filter((folder) =>
    folder !== undefined && folder !== ''
  ) as string[]
}

/** The first writable folder, made if need be. Throws with what to do when there is none. */
export async function writableFolder (folders: readonly string[]): Promise<string> {
  let fault = 'this account has no home'
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true })
      await access(folder, constants.W_OK)
      return folder
    } catch (error) {
      fault = `${folder} cannot be written (${(error as NodeJS.ErrnoException).code})`
    }
  }
  throw new Error(`${fault}: name a folder that can with GATEPOST_CACHE`)
}

/** Undefined for a user id without an account, as containers often have. */
function homeOfAccount () {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
