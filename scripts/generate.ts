// Writes the documents that follow from code. `--check` writes nothing and fails when one is out of date.
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { events } from '@gatepost/contracts/events'
import { documents } from './generate/documents.ts'

const check = process.argv.includes('--check')
const stale: string[] = []
for (const [path, text] of Object.entries(documents())) {
  const file = new URL(`../${path}`, import.meta.url)
  if (await readFile(file, 'utf8').catch(() => '') === text) continue
  stale.push(path)
  if (!check) await writeFile(file, text)
}
// The schema of an event as it was first published. Never written twice: what must not change is no copy of what is.
for (const { type, data } of events) {
  const file = new URL(`../packages/contracts/golden/${type}.json`, import.meta.url)
  if (existsSync(file)) continue
  stale.push(`packages/contracts/golden/${type}.json`)
  if (!check) await writeFile(file, `${JSON.stringify(data, null, 2)}\n`)
}
if (check && stale.length > 0) {
  console.error(`out of date: ${stale.join(', ')}; run \`pnpm generate\` and commit the result`)
  process.exit(1)
}
console.log(stale.length === 0 ? 'every generated document is up to date' : `written: ${stale.join(', ')}`)
