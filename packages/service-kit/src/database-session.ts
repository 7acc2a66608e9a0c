import type { PoolConfig } from 'pg'

/** The longest statement of a service, and the longest rest inside a transaction. */
export const STATEMENT_TIMEOUT_MS = 5_000
/** Extra wait of the client beyond the server's limit: the server cancels first, so no backend outlives its client. */
const CLIENT_MARGIN_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000

/**
 * Settings that statements, Prisma's adapter and pg rely on, whatever role, database and server have. Prisma's adapter
 * reads every `timestamptz` as UTC. `statement_timeout` bounds waits for locks, too.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  search_path: 'public',
  default_transaction_isolation: 'read committed',
  statement_timeout: `${STATEMENT_TIMEOUT_MS / 1_000}s`,
  lock_timeout: '0',
  idle_in_transaction_session_timeout: `${STATEMENT_TIMEOUT_MS / 1_000}s`
}

/** A setting of our own; a session shows with it that its start-up parameters arrived. */
export const MARK = 'gatepost.session'

export interface SessionOptions {
  /** The URL; with `pgbouncer=true` in it see {@link isPooled}. */
  url: string
  /** The name of the connection at the server. */
  name: string
  /** Limit of one statement; by default {@link STATEMENT_TIMEOUT_MS}, none with 0. */
  statementTimeoutMs?: number
  /** Further settings, for speed alone: behind a pooler they are left out. */
  settings?: Readonly<Record<string, string>>
}

/**
 * Whether the URL has `pgbouncer=true`, as Prisma writes it: a pooler hands each transaction to another session. Then
 * settings are the role's, statements have no names, and nobody listens.
 */
export function isPooled (url: string): boolean {
  return new URL(url).searchParams.get('pgbouncer') === 'true'
}

/** Options for a client or a pool of pg: with the session's settings, and bounded in time on both sides. */
export function sessionConfig (
  { url, name, statementTimeoutMs = STATEMENT_TIMEOUT_MS, settings = {} }: SessionOptions
): PoolConfig {
  const target = new URL(url)
  const own = target.searchParams.get('options')
  target.searchParams.delete('options') // pg would take them in place of ours
  target.searchParams.delete('pgbouncer')
  const ours = Object.entries({
    ...SESSION_SETTINGS,
    ...settings,
    statement_timeout: `${statementTimeoutMs}`,
    [MARK]: 'on'
  })
    .map(([setting, value]) => `-c ${setting}=${value.replaceAll(' ', '\\ ')}`)
  return {
    connectionString: target.href,
    application_name: name,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // A server that is frozen keeps no timeouts.
    query_timeout: statementTimeoutMs > 0 ? statementTimeoutMs + CLIENT_MARGIN_MS : 0,
    keepAlive: true,
    ...!isPooled(url) && { options: [own, ...ours].filter(Boolean).join(' ') }
  }
}
