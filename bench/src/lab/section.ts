import { readFile, writeFile } from 'node:fs/promises'

const DOCUMENT = new URL('../../../docs/performance.md', import.meta.url)

/** Replaces what a bench last wrote into docs/performance.md, between the comments that bear its name. */
export async function writeSection (name: string, text: string): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8')
  const [begin, end] = [`<!-- bench ${name} -->`, `<!-- end of bench ${name} -->`]
  if (!document.includes(begin) || !document.includes(end)) {
    throw new Error(`docs/performance.md has no place for ${name}: ${begin} … ${end}`)
  }
  await writeFile(DOCUMENT, `${document.split(begin)[0]}${begin}\n${text.trim()}\n${end}${document.split(end)[1]}`)
}
