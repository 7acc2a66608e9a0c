import { randomBytes } from 'node:crypto'
import type { Sql } from '@gatepost/service-kit/sql'

const BYTES = 32
const FIND = 'SELECT value FROM secrets WHERE name = $1::text'
const ADD = 'INSERT INTO secrets (name, value) VALUES ($1::text, $2::bytea) ON CONFLICT DO NOTHING'

export const secretRepository = {
  /**
   * The random key of a name: made by the first process that asks, the same for all replicas and after every restart.
   * A key that is there is only read, which works on a full disk and on a standby.
   */
  async find (sql: Sql, name: string): Promise<Uint8Array> {
    const known = await sql.query<{ value: Uint8Array }>(FIND, [name])
    if (known[0]) return known[0].value
    await sql.query(ADD, [name, randomBytes(BYTES)])
    const [made] = await sql.query<{ value: Uint8Array }>(FIND, [name])
    return made!.value
  }
}
