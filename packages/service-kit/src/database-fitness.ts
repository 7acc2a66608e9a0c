import type { Pool } from 'pg'
import { isPooled, MARK, SESSION_SETTINGS } from './database-session.ts'
import { SettingsError } from './settings.ts'

/** A database that answers but cannot serve us. The message is one line that names the remedy, without any address. */
export class UnfitDatabaseError extends SettingsError {
  override name = 'UnfitDatabaseError'
}

interface Session {
  encoding: string
  database: string
  role: string
  mark: string | null
  settings: Record<string, string>
}

const SESSION =
  `SELECT current_setting('server_encoding') AS encoding, current_database() AS database, current_user AS role,
    current_setting($1, true) AS mark,
    (SELECT json_object_agg(name, current_setting(name)) FROM unnest($2::text[]) AS name) AS settings`
const PROTOCOL_VIOLATION = '08P01'

/**
 * Checks that the database answers, and at the first answer that it is fit. Rejects with {@link UnfitDatabaseError}
 * when it is not fit.
 */
export function createFitnessCheck (pool: Pool, url: string): () => Promise<void> {
  let fit = false
  return async () => {
    if (fit) {
      await pool.query('SELECT 1')
      return
    }
    try {
      const { rows: [session] } = await pool.query<Session>(SESSION, [MARK, Object.keys(SESSION_SETTINGS)])
      const fault = faultOf(session!, isPooled(url))
      if (fault) throw new UnfitDatabaseError(fault)
      fit = true
    } catch (error) {
      const { code, message } = error as { code?: string, message: string }
      // PgBouncer's words; they are the same in every locale.
      if (code === PROTOCOL_VIOLATION && message.includes('startup parameter')) throw new UnfitDatabaseError(POOLED)
      throw error
    }
  }
}

const POOLED =
  'the database is behind a pooler that does not pass start-up parameters on (PgBouncer?): ' +
  "add pgbouncer=true to the database's URL, or let it lead to PostgreSQL itself"

function faultOf ({ encoding, database, role, mark, settings }: Session, pooled: boolean): string | undefined {
  if (encoding !== 'UTF8') {
    return `the database ${database} has the encoding ${encoding} and needs UTF8: make another one (CREATE DATABASE ` +
      "… TEMPLATE template0 ENCODING 'UTF8'; deploy/database does) and move the rows"
  }
  if (!pooled) return mark === 'on' ? undefined : POOLED
  const wrong = Object.entries(SESSION_SETTINGS).filter(([name, value]) => settings[name] !== value)
  if (wrong.length === 0) return undefined
  const remedy = wrong.map(([name, value]) => `ALTER ROLE ${role} IN DATABASE ${database} SET ${name} = '${value}';`)
    .join(' ')
  return `behind a pooler the role's settings count, and ${
    wrong.map(([name]) => name).join(', ')
  } differ; run, and have the pooler reconnect: ${remedy}`
}
