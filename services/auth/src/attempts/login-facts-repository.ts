import type { Sql } from '@gatepost/service-kit/sql'
import { type Account, accountColumns } from '../users/account.ts'
import type { AttemptCounter } from './attempt-limits.ts'
import { lockedSeconds } from './attempt-repository.ts'

/** What a login needs to know, read at once; `account` is null for an unknown address. */
export interface LoginFacts {
  account: Account & { passwordHash: string, disabled: boolean } | null
  /** Whether the account was used from this network before. */
  knownNetwork: boolean
  /** Until the counters let an attempt through again; null when they do. */
  lockedSeconds: number | null
}

/** The same statement whether or not there is an account: its time says nothing. */
const FIND_FOR_LOGIN = `WITH account AS (SELECT * FROM users WHERE email_key = $1::text),
    known AS (SELECT EXISTS (SELECT FROM sessions JOIN account ON sessions.user_id = account.id WHERE sessions.network = $2::text) AS network)
  SELECT ${
  accountColumns('account')
}, account.password_hash AS "passwordHash", account.disabled_at IS NOT NULL AS disabled, known.network AS "knownNetwork",
    ${lockedSeconds('$3::bytea, $4::bytea, CASE WHEN NOT known.network THEN $5::bytea END')} AS "lockedSeconds"
  FROM known LEFT JOIN account ON true`

export const loginFactsRepository = {
  async find (
    sql: Sql,
    { emailKey, network, counters }: {
      emailKey: string
      network: string
      counters: { pair: AttemptCounter, account: AttemptCounter, network: AttemptCounter }
    }
  ): Promise<LoginFacts> {
    const [row] = await sql.query<
      Account & { passwordHash: string, disabled: boolean, knownNetwork: boolean, lockedSeconds: number | null }
    >(
      FIND_FOR_LOGIN,
      [emailKey, network, counters.pair.key, counters.network.key, counters.account.key]
    )
    const { knownNetwork, lockedSeconds: locked, ...account } = row!
    return { account: account.id === null ? null : account, knownNetwork, lockedSeconds: locked }
  }
}
