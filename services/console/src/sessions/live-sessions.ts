import type { Readers } from '../database/readers.ts'

export interface SessionRow {
  id: string
  userId: string
  email: string | null
  displayName: string
  role: string
  createdAt: string
  lastUsedAt: string
  endedAt: string | null
  endReason: string | null
  ipAddress: string | null
  userAgent: string | null
}

const MOST = 200
/** No session is older; ids begin with the time, so this is a condition of the primary key. */
const OLDEST_MS = 366 * 86_400_000
/** Ended ones are shown for a while, so that one sees what one did. */
const LIST = `SELECT s.id::text, s.user_id::text AS "userId", u.email, u.display_name AS "displayName", u.role::text,
  s.created_at AS "createdAt", s.last_used_at AS "lastUsedAt", s.ended_at AS "endedAt", s.end_reason AS "endReason",
  s.ip_address AS "ipAddress", s.user_agent AS "userAgent"
  FROM sessions s JOIN users u ON u.id = s.user_id
  WHERE s.id > $1::uuid AND s.expires_at > now() AND (s.ended_at IS NULL OR s.ended_at > now() - interval '5 minutes')
  ORDER BY s.id DESC LIMIT ${MOST}`

/** Who is logged in, the newest logins first; undefined where the console may not read auth's database. */
export async function readSessions (readers: Readers): Promise<SessionRow[] | undefined> {
  const sql = await readers.find('auth')
  if (sql === undefined) return undefined
  const rows = await sql.query<SessionRow>(LIST, [firstIdOf(Date.now() - OLDEST_MS)])
  return JSON.parse(JSON.stringify(rows))
}

function firstIdOf (time: number) {
  const hex = time.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}
