import { readFile, writeFile } from 'node:fs/promises'
import { environmentExample, environmentPage } from './environment.ts'
import { errorsPage } from './errors.ts'
import { eventsPage } from './events.ts'
import { frontProblems } from './front.ts'

/** Every generated document of the repository by its path. */
export function documents (): Record<string, string> {
  return {
    'docs/errors.md': errorsPage(),
    'docs/events.md': eventsPage(),
    'docs/environment.md': environmentPage(),
    '.env.example': environmentExample(),
    ...frontProblems()
  }
}

/** Paths of the documents that differ from the code; with `write` they are rewritten. */
export async function staleDocuments ({ write }: { write: boolean }): Promise<string[]> {
  const stale: string[] = []
  for (const [path, text] of Object.entries(documents())) {
    const file = new URL(`../../${path}`, import.meta.url)
    if (await readFile(file, 'utf8').catch(() => '') === text) continue
    stale.push(path)
    if (write) await writeFile(file, text)
  }
  return stale
}
