import { writeFile } from 'node:fs/promises'
import { describeMachine } from '../lab/machine.ts'
import { type Ground, onGround } from '../lab/ground.ts'
import { isWanted } from '../lab/options.ts'
import { measureAccounts, measureSessions } from './accounts.ts'
import { chart } from './chart.ts'
import { measureConnections } from './connections.ts'
import { measurePosts } from './posts.ts'
import { measureRevocations } from './revocations.ts'
import { faultsOf, type Series, tableOf } from './series.ts'

export interface Options {
  /** The largest size; a million takes minutes. */
  max: number
  /** A regular expression for the parts' names. */
  only: string
}

const parts: Record<string, (ground: Ground, most: number) => Promise<Series[]>> = {
  connections: measureConnections,
  posts: measurePosts,
  users: measureAccounts,
  sessions: measureSessions,
  revocations: measureRevocations
}

/**
 * What a call costs as what it stands on grows: each part alone, from small to large. Throws when something outgrows a
 * logarithm.
 */
export async function benchGrowth ({ max, only }: Options) {
  const all: Series[] = []
  for (const [name, part] of Object.entries(parts)) {
    if (!isWanted(name, only)) continue
    console.log(`${name} …`)
    const series = await onGround((ground) => part(ground, max))
    for (const one of series) console.log(`\n${tableOf(one)}\n`)
    all.push(...series)
  }
  if (only === '') await write(all)
  else console.log('a part of the measurements: bench/results stays as it is')
  const faults = all.flatMap((series) => faultsOf(series).map((line) => `${series.of}: ${line}`))
  if (faults.length > 0) throw new Error(`this grows faster than a logarithm:\n${faults.join('\n')}`)
}

async function write (all: Series[]) {
  const results = new URL('../../results/', import.meta.url)
  await writeFile(
    new URL('growth.md', results),
    `# What a call costs as things grow

${describeMachine()}; one call at a time, straight to the service, medians, unless it says otherwise.

${all.map(tableOf).join('\n\n')}
`
  )
  await writeFile(new URL('growth.svg', results), chart(all))
}
