// Writes the documents that follow from code. `--check` writes nothing and fails when one is out of date.
import { readFile, writeFile } from 'node:fs/promises'
import { documents } from './generate/documents.ts'

const check = process.argv.includes('--check')
const stale: string[] = []
for (const [path, text] of Object.entries(documents())) {
  const file = new URL(`../${path}`, import.meta.url)
  if (await readFile(file, 'utf8').catch(() => '') === text) continue
  stale.push(path)
  if (!check) await writeFile(file, text)
}
if (check && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}; run \`pnpm generate\` and commit the result`)
  process.exit(1)
}
console.log(stale.length === 0 ? 'every generated document is up to date' : `written: ${stale.join(', ')}`)
