import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collections } from './collections.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Paths of the files that are not what the code says; with `write` they are, afterwards. */
export async function staleFiles ({ write }: { write: boolean }): Promise<string[]> {
  const stale = await compare(collections(root), write)
  const { documents } = await import('./documents.ts') // it loads what was collected just now
  const { deployment } = await import('./deployment.ts')
  return [...stale, ...await compare({ ...documents(), ...deployment(root) }, write)]
}

/** A file without a text is one that goes. */
async function compare (files: Record<string, string | undefined>, write: boolean) {
  const stale: string[] = []
  for (const [path, text] of Object.entries(files)) {
    if (await readFile(join(root, path), 'utf8').catch(() => undefined) === text) continue
    stale.push(path)
    if (!write) continue
    if (text === undefined) await rm(join(root, path))
    else await writeFile(join(root, path), text)
  }
  return stale
}
