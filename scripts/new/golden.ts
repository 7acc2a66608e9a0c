// Records the schemas of the events of a new service: from then on they are promised. In a process of its own, which
// loads the contracts as they are by now.
import { mkdir, writeFile } from 'node:fs/promises'
import { events } from '@gatepost/contracts/events'

const [name] = process.argv.slice(2)
const folder = new URL(`../../packages/contracts/src/${name}/golden/`, import.meta.url)
await mkdir(folder, { recursive: true })
for (const { owner, type, data } of events) {
  if (owner === name) await writeFile(new URL(`${type}.json`, folder), `${JSON.stringify(data, null, 2)}\n`)
}
