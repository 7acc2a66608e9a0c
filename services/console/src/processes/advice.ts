import { readFile } from 'node:fs/promises'

export interface Advice {
  degraded: string
  down: string
  todo: string
}

const OPERATIONS = new URL('../../../../docs/operations.md', import.meta.url)

/**
 * What docs/operations.md says of each check of `/ready`: the rows of its tables whose head begins with `check`.
 * Empty where the document is not installed.
 */
export async function readAdvice (): Promise<Record<string, Advice>> {
  const text = await readFile(OPERATIONS, 'utf8').catch(() => '')
  const advice: Record<string, Advice> = {}
  let inTable = false
  for (const line of text.split('\n')) {
    const cells = line.startsWith('|') ? line.split('|').slice(1, -1).map((cell) => cell.trim()) : []
    inTable = cells.length > 0 && (inTable || /^check of/.test(cells[0]!))
    if (!inTable) continue
    const [checks = '', degraded = '', down = '', todo = ''] = cells
    for (const [, name] of checks.matchAll(/`([\w-]+)`/g)) advice[name!] = { degraded, down, todo: plain(todo) }
  }
  return advice
}

function plain (markdown: string) {
  return markdown.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
}
