import { setTimeout as sleep } from 'node:timers/promises'
import { databaseOwners, outboxOwners } from '@gatepost/contracts/declarations'
import type { RunningSystem } from '@gatepost/local-stack/system'
import pg from 'pg'

const OWNERS = outboxOwners.map(({ database }) => database)
const LOOK_MS = 1_000
/** The outbox keeps rows for a week: it passes when a row has been published for so long. */
const WEEK_SECONDS = 5
/** A week, two turns of the pruning, and what a loaded machine adds. */
const KEPT_SECONDS = 45
/** The server ends a statement after five seconds, and a rest within a transaction. */
const STUCK_SECONDS = 8

const AGE = `UPDATE outbox SET published_at = published_at - interval '8 days'
  WHERE published_at BETWEEN now() - interval '7 days' AND now() - interval '${WEEK_SECONDS} s'`
const KEPT = `SELECT count(*)::int AS rows, coalesce(extract(epoch FROM now()
    - min(created_at) FILTER (WHERE stream_sequence IS NOT NULL)), 0)::float8 AS seconds
  FROM outbox`
const BACKENDS = `SELECT pid, application_name AS name, state, left(query, 200) AS query,
    extract(epoch FROM now() - state_change)::float8 AS seconds
  FROM pg_stat_activity WHERE usename = ANY ($1)`

interface Kept { rows: number, seconds: number }
interface Backend { pid: number, name: string, state: string, query: string, seconds: number }

function nameOf ({ name, state, query, seconds }: Backend) {
  return `PostgreSQL: ${name} is ${state} for ${seconds.toFixed(1)} s: ${query}`
}

/** Looks every second at what each outbox keeps and at what backends do, and lets published rows age. */
export async function watchDatabases ({ postgres }: RunningSystem, say: (line: string) => void) {
  const pools = OWNERS.map((name) => new pg.Pool({ connectionString: postgres!.adminUrl(name), max: 1 }))
  /** By the outbox or the backend that it is about, as it was last. */
  const broken = new Map<string | number, string>()
  const outbox = { most: 0, last: 0 }
  const backends = { most: 0, last: 0 }
  const stopping = new AbortController()

  async function look () {
    const kept = await Promise.all(pools.map(async (pool) => (await pool.query<Kept>(KEPT)).rows[0]!))
    for (const [at, { rows, seconds }] of kept.entries()) {
      if (seconds > KEPT_SECONDS) {
        broken.set(OWNERS[at]!, `outbox of ${OWNERS[at]}: rows stay longer than ${KEPT_SECONDS} s`)
      }
      if (rows > outbox.most) outbox.most = rows
    }
    outbox.last = Math.max(...kept.map(({ rows }) => rows))
    for (const pool of pools) await pool.query(AGE)
    const { rows } = await pools[0]!.query<Backend>(BACKENDS, [databaseOwners.map(({ database }) => database)])
    backends.last = rows.length
    backends.most = Math.max(backends.most, rows.length)
    for (const backend of rows) {
      if (backend.state !== 'idle' && backend.seconds > STUCK_SECONDS) broken.set(backend.pid, nameOf(backend))
    }
  }

  const watching = (async () => {
    for (let looks = 1; !stopping.signal.aborted; looks++) {
      await look()
      if (looks % 15 === 0) say(`${looks} looks  ${outbox.last} rows in an outbox, ${backends.last} backends`)
      await sleep(LOOK_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  })()
  watching.catch((error: unknown) => broken.set('watch', `the watch ended: ${error}`))

  return {
    outbox: () => ({ ...outbox }),
    backends: () => ({ ...backends }),
    broken: () => [...broken.values()],
    /** Backends that work for a second although nobody asks. */
    async stuckNow () {
      const { rows } = await pools[0]!.query<Backend>(BACKENDS, [databaseOwners.map(({ database }) => database)])
      return rows.filter(({ state, seconds }) => state !== 'idle' && seconds > 1).map(nameOf)
    },
    async stop () {
      stopping.abort()
      await watching.catch(() => undefined)
      await Promise.all(pools.map((pool) => pool.end()))
    }
  }
}
