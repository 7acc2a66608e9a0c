import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'
import { connectOperator, type Operator } from '@gatepost/events/operator'
import { credentialsIn } from '@gatepost/local-stack/postgres/cluster'
import { isPooled, sessionConfig } from '@gatepost/service-kit/database-session'
import { loadOnce } from '@gatepost/service-kit/load-once'
import { type Sql, sqlOfPool, transactionOfPool } from '@gatepost/service-kit/sql'
import pg from 'pg'
import { connectionFault } from '../connection-fault.ts'
import { portsOf } from '../start/addresses.ts'
import type { Arguments } from './arguments.ts'

export interface OperatorDatabase extends Sql {
  transaction<T> (work: (sql: Sql) => Promise<T>): Promise<T>
  /** A session that ends with the work. */
  session<T> (work: (client: pg.PoolClient) => Promise<T>): Promise<T>
}

type Env = Readonly<Record<string, string | undefined>>

/** What a command works with; connections are made on first use. */
export interface EventsContext {
  args: Arguments
  env: Env
  /** The folder of the embedded run. */
  dataDir: string
  natsUrl (): Promise<string>
  operator (): Promise<Operator>
  database (name: ServiceName): Promise<OperatorDatabase>
  /** The result: with --json a line for programs, else the text. */
  print (value: object, text: string): void
  /** Progress of long work, printed to terminals only. */
  progress (text: string): void
  close (): Promise<void>
}

/** An operator's statements may read whole tables. */
const STATEMENT_TIMEOUT_MS = 60_000

/** What the environment names (NATS_URL, AUTH_DATABASE_URL …), or what `pnpm start` runs on this machine. */
export function connectToEvents (args: Arguments, env: Env): EventsContext {
  const dataDir = resolve(fileURLToPath(new URL('../..', import.meta.url)), env.GATEPOST_DATA || '.data')
  const closers: (() => Promise<void>)[] = []
  const pools = new Map<ServiceName, OperatorDatabase>()

  async function natsUrl () {
    if (env.NATS_URL) return env.NATS_URL
    const password = await readFile(join(dataDir, 'nats/provisioner.password'), 'utf8').catch(() => missing('NATS_URL'))
    return `nats://provisioner:${password.trim()}@127.0.0.1:${portsOf(env).nats}`
  }

  async function databaseUrl (name: ServiceName) {
    const { database } = services[name]
    const variable = variableOf(name)
    if (env[variable]) return env[variable]
    const credentials = await credentialsIn(join(dataDir, 'postgres')).catch(() => missing(variable))
    return `postgresql://${database}:${credentials[database]}@127.0.0.1:${portsOf(env).postgres}/${database}`
  }

  async function connect () {
    const connected = await connectOperator(await natsUrl()).catch((cause: Error) => {
      throw new Error(
        `NATS cannot be reached (${connectionFault('NATS_URL', cause).message}): is everything running (pnpm start)?`,
        { cause }
      )
    })
    closers.push(connected.close)
    return connected
  }

  return {
    args,
    env,
    dataDir,
    natsUrl,
    operator: loadOnce(connect),
    async database (name) {
      const known = pools.get(name)
      if (known) return known
      const url = await databaseUrl(name)
      const pool = new pg.Pool({
        ...sessionConfig({
          url,
          name: 'gatepost-events',
          statementTimeoutMs: STATEMENT_TIMEOUT_MS
        }),
        max: 2
      })
      pool.on('error', () => {}) // an idle connection broke; the next query says so if there is none
      closers.push(() => pool.end())
      const sql: OperatorDatabase = {
        ...sqlOfPool(pool),
        transaction: (work) => transactionOfPool(pool, work),
        async session (work) {
          if (isPooled(url)) throw new Error(`${variableOf(name)} must be PostgreSQL's own here, not a pooler's`)
          const client = await pool.connect()
          return work(client).finally(() => client.release(true))
        }
      }
      await sql.query('SELECT 1').catch((cause: Error) => {
        throw new Error(
          `the ${name} database cannot be reached (${
            connectionFault(variableOf(name), cause).message
          })`,
          { cause }
        )
      })
      pools.set(name, sql)
      return sql
    },
    print (value, text) {
      process.stdout.write(`${args.json ? JSON.stringify(value) : text}\n`)
    },
    progress (text) {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
    },
    async close () {
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
      for (const close of closers) await close()
    }
  }
}

const variableOf = (name: ServiceName) => `${services[name].prefix}_DATABASE_URL`

function missing (name: string): never {
  throw new Error(`set ${name}, or run \`pnpm start\` in this folder`)
}
