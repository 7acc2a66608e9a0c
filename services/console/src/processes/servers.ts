import type { Operators } from '../events/operators.ts'
import type { Readers } from '../database/readers.ts'

/** PostgreSQL or NATS, as the overview shows it. */
export interface ServerView {
  name: string
  status: 'up' | 'gone' | 'unknown'
  detail: string
}

const PATIENCE_MS = 2_000

/** Asks each server of the system whether it is there. */
export async function lookAtServers ({
  readers,
  operators
}: {
  readers: Readers
  operators: Operators
}): Promise<ServerView[]> {
  return Promise.all([
    viewOf('nats-server', async () => {
      const { nc, jsm } = await operators.get()
      const {
        state: { messages, bytes }
      } = await jsm.streams.info('EVENTS')
      return `${nc.info?.version ?? ''}, ${messages} events, ${(bytes / 1e6).toFixed(1)} MB`
    }),
    ...readers.names.map((name) =>
      viewOf(`PostgreSQL: ${name}`, async () => {
        const [row] = await (
          await readers.find(name)!
        ).query<{ version: string, connections: number, started: Date }>(
          `SELECT current_setting('server_version') AS version, pg_postmaster_start_time() AS started,
            (SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()) AS connections`
        )
        return `${row!.version.split(' ')[0]}, ${row!.connections} connections`
      })
    )
  ])
}

async function viewOf (name: string, ask: () => Promise<string>): Promise<ServerView> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('no answer in time')), PATIENCE_MS)
  try {
    return { name, status: 'up', detail: await Promise.race([ask(), late.promise]) }
  } catch {
    return { name, status: 'gone', detail: 'does not answer' }
  } finally {
    clearTimeout(timer)
  }
}
