import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Registry } from 'prom-client'
import { createFitnessCheck, UnfitDatabaseError } from './database-fitness.ts'
import { isConflict } from './database-problem.ts'
import { sessionConfig, STATEMENT_TIMEOUT_MS } from './database-session.ts'
import { observePool } from './pool-metrics.ts'
import { TracedClient, TracedPool } from './statement-spans.ts'

export interface Database<Connection> {
  /** For single statements. */
  connection: Connection
  /**
   * Runs the work in one transaction, and again after a conflict with another one. Hash and send outside of it: it
   * holds a connection.
   */
  transaction <T> (work: (tx: Connection) => Promise<T>): Promise<T>
  /**
   * Rejects with `UnfitDatabaseError` when the database answers but cannot serve us; resolves also while it is away.
   */
  verify (): Promise<void>
  ping (): Promise<void>
  close (): Promise<void>
}

export interface DatabaseOptions {
  url: string
  /** Connections of this process. A call that waits for one for two seconds is answered 503. */
  poolSize: number
  /** The registry and the name under which the pool shows its use. */
  metrics?: { registry: Registry, pool: string }
}

const ACQUIRE_TIMEOUT_MS = 2_000
/** A new connection costs both sides some ten milliseconds, and its first statements as much again. */
const IDLE_TIMEOUT_MS = 300_000
/** The most tries of a transaction that meets conflicts. */
const TRIES = 4

/**
 * A service's pool of connections to its database; `name` is their name at the server. Rejections may be {@link
 * databaseProblem}s.
 */
export function openPool ({ url, poolSize, metrics }: DatabaseOptions, name: string): pg.Pool {
  const pool = new TracedPool({
    Client: TracedClient,
    ...sessionConfig({ url, name: `gatepost-${name}` }),
    max: poolSize,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    // Prisma's adapter listens a moment after it was handed a new connection. One that the server cuts in that moment
    // would end the process; what is asked of it fails all the same.
    onConnect: (client) => { client.on('error', () => {}) }
  })
  pool.on('error', () => {}) // an idle connection broke; the pool opens another
  if (metrics) observePool(metrics.registry, metrics.pool, pool)
  return pool
}

/** The longest wait before the first repetition; it doubles with each. */
const JITTER_MS = 10

/**
 * Repeats a transaction after a conflict, after a wait of random length, so that the same transactions do not meet
 * again.
 */
export async function repeatConflicting<Result> (transaction: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction()
    } catch (error) {
      if (attempt === TRIES || !isConflict(error)) throw error
      await sleep(Math.random() * JITTER_MS * 2 ** attempt)
    }
  }
}

/** The part of a generated Prisma client that is the same in all of them. */
interface Client<Connection> {
  $transaction<T> (work: (tx: Connection) => Promise<T>, options: { maxWait: number, timeout: number }): Promise<T>
  $disconnect (): Promise<void>
}

/** A service's database: a Prisma client that works on the pool. */
export function databaseOf<Connection> (
  pool: pg.Pool,
  url: string,
  client: Client<Connection> & Connection
): Database<Connection> {
  const ping = createFitnessCheck(pool, url)
  return {
    connection: client,
    transaction: (work) =>
      repeatConflicting(() =>
        client.$transaction(work, { maxWait: ACQUIRE_TIMEOUT_MS, timeout: STATEMENT_TIMEOUT_MS })
      ),
    ping,
    async verify () {
      try {
        await ping()
      } catch (error) {
        if (!(error instanceof UnfitDatabaseError)) return // a database that is away is no reason not to start
        await pool.end()
        throw error
      }
    },
    async close () {
      await client.$disconnect()
      await pool.end()
    }
  }
}
