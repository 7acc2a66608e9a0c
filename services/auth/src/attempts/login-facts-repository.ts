import type { Sql } from '@gatepost/service-kit/sql'
import { type Account, accountColumns } from '../users/account.ts'
import type { AttemptCounter } from './attempt-limits.ts'
import { lockedSeconds } from './attempt-repository.ts'

/** The facts that decide a login; `account` is null for an unknown address. */
export interface LoginFacts {
  account: Account & { passwordHash: string, disabled: boolean } | null
  /** Whether the account was used from this network before. */
  knownNetwork: boolean
  /** Seconds until the counters let an attempt through; null when they do. */
  lockedSeconds: number | null
}

/** One statement for known and unknown addresses, so that its time does not tell them apart. */
const FIND = `WITH account AS (SELECT * FROM users WHERE email_key = $1::text),
  known AS (SELECT EXISTS (
    SELECT FROM sessions JOIN account ON sessions.user_id = account.id WHERE sessions.network = $2::text) AS network)
SELECT ${accountColumns('account')}, account.password_hash AS "passwordHash",
  account.disabled_at IS NOT NULL AS disabled, known.network AS "knownNetwork",
  ${lockedSeconds('$3::bytea, $4::bytea, CASE WHEN NOT known.network THEN $5::bytea END')} AS "lockedSeconds"
FROM known LEFT JOIN account ON true`

type FoundRow = NonNullable<LoginFacts['account']> & Omit<LoginFacts, 'account'>

export const loginFactsRepository = {
  async find (
    sql: Sql,
    { emailKey, network, counters }: {
      emailKey: string
      network: string
      counters: { pair: AttemptCounter, account: AttemptCounter, network: AttemptCounter }
    }
  ): Promise<LoginFacts> {
    const keys = [counters.pair.key, counters.network.key, counters.account.key]
    const [row] = await sql.query<FoundRow>(FIND, [emailKey, network, ...keys])
    const { knownNetwork, lockedSeconds: locked, ...account } = row!
    return { account: account.id === null ? null : account, knownNetwork, lockedSeconds: locked }
  }
}
