import { consumers } from '@gatepost/contracts/events'
import pg from 'pg'
import { connectOperator } from '../../src/operator.ts'
import { rebuild } from '../../src/rebuild.ts'
import { entriesModelWith } from './entries.ts'

/** A rebuild whose process ends at its third event. */
const { DATABASE_URL, NATS_URL } = process.env
let begun = 0
await rebuild(await connectOperator(NATS_URL!), {
  definition: consumers['feed-posts']!,
  readModel: entriesModelWith(async (_event, apply) => {
    await apply()
    if (++begun === 3) process.kill(process.pid, 'SIGKILL')
  }),
  client: await new pg.Pool({ connectionString: DATABASE_URL }).connect(),
  versionsOf: async () => new Map()
})
