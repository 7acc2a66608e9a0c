import { userRegistered } from '@gatepost/contracts/auth/events'
import { postCreated } from '@gatepost/contracts/posts/events'
import type { EventDefinition } from '@gatepost/contracts/event'
import { partCondition, partsOf } from '@gatepost/events/parts'
import { type AggregateState, begunIn, publishSnapshot } from '@gatepost/events/snapshot'
import { UsageError } from './arguments.ts'
import type { ServiceName } from '@gatepost/contracts/service-name'
import type { EventsContext } from './context.ts'

interface Source {
  event: EventDefinition
  /** Rows above `$1`, as {@link AggregateState} with their ids, for a condition to be added. */
  rows: string
}

/** The present state of each service's aggregates, in the words of the event that created them. */
export const sources: Partial<Record<ServiceName, Source>> = {
  auth: {
    event: userRegistered,
    rows: `SELECT id::text, version, created_at AS "createdAt",
      jsonb_build_object('userId', id, 'displayName', display_name) AS data FROM users WHERE deleted_at IS NULL`
  },
  posts: {
    event: postCreated,
    rows: `SELECT id::text, version, created_at AS "createdAt",
      jsonb_build_object('postId', id, 'authorId', author_id, 'title', title, 'content', content) AS data
      FROM posts WHERE true`
  }
}
/** Times in the format of the contract. */
const TIMES: Partial<Record<ServiceName, string>> = { auth: 'registeredAt', posts: 'createdAt' }
const BATCH = 500

type Row = AggregateState & { id: string, data: Record<string, unknown> }

/** Publishes the present state of every aggregate whose beginning the stream has lost. */
export async function snapshot ({ args, operator, database, print, progress }: EventsContext): Promise<boolean> {
  const service = args.words[0] as ServiceName
  const source = sources[service]
  if (!source) throw new UsageError(`snapshot needs one of ${Object.keys(sources).join(', ')}`)
  const [sql, connected] = [await database(service), await operator()]
  let published = 0
  for (const part of await partsOf(connected)) {
    const begun = await begunIn(connected, source.event, part)
    const text = `${source.rows} AND id > $1::uuid AND ${partCondition('id', part)} ORDER BY id LIMIT ${BATCH}`
    for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
      const rows = await sql.query<Row>(text, [after])
      if (rows.length === 0) break
      after = rows.at(-1)!.id
      for (const { id, version, createdAt, data } of rows) {
        if (begun.has(id)) continue
        const said = { ...data, [TIMES[service]!]: createdAt.toISOString() }
        if (!args.dryRun) await publishSnapshot(connected, source.event, { version, createdAt, data: said })
        published++
      }
      progress(`${published} states published`)
    }
  }
  print(
    { service, published, dryRun: args.dryRun },
    args.dryRun ? `${published} would be published` : `${published} aggregates of ${service} begin in the stream anew`
  )
  return true
}
