import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseOwners } from '@gatepost/contracts/declarations'
import type { PostgresServer } from '@gatepost/local-stack/postgres'
import pg from 'pg'

/**
 * Each page of a table is taken for one that holds this many rows: a test writes a few, and plans are those of a large
 * table.
 */
const ROWS_PER_PAGE = 1_000_000
/** Reading such a page row by row costs ten thousand; an index costs tens. */
const DEAR = 8_000
/** These stay small in every installation. */
const SMALL_TABLES = ['signing_keys', 'secrets', 'outbox_lease', 'stream_readings', '_prisma_migrations']

/** Where PostgreSQL writes the plans of all statements of the services' roles. */
export const planLog = {
  logging_collector: 'on',
  log_directory: 'plans',
  log_filename: 'plans.log',
  log_rotation_size: '0',
  log_line_prefix: '[%a] '
}

const EXPLAIN = {
  session_preload_libraries: 'auto_explain',
  log_min_messages: 'log',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_parameter_max_length': '0'
}

/**
 * Has the plans of the services' statements written down, as they are over large tables. Test databases are clones of
 * the services'.
 */
export async function preparePlanCheck (server: PostgresServer, services: readonly string[]) {
  for (const service of services) {
    const client = new pg.Client({ connectionString: server.adminUrl(service) })
    await client.connect()
    try {
      for (const [name, value] of Object.entries(EXPLAIN)) {
        await client.query(`ALTER ROLE ${service} SET ${name} = '${value}'`)
      }
      await client.query(
        `SELECT pg_restore_relation_stats('schemaname', 'public', 'relname', tablename::text,
          'relpages', 1, 'reltuples', ${ROWS_PER_PAGE}::real)
        FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ($1)`,
        [SMALL_TABLES]
      )
    } finally {
      await client.end()
    }
  }
}

/** The prefix of a log line. */
const LINE = /^\[.*\] /m
/**
 * Begins a plan of a service's connection. Operators' commands read whole tables, and connections of tests have no such
 * name.
 */
const SERVICES = databaseOwners.map(({ name }) => name).join('|')
const OURS = new RegExp(`^\\[(?:gatepost-(?:${SERVICES})|[\\w-]+-relay|[\\w-]+-lease)\\] LOG: {2}duration: `, 'm')

/** The statements of the run that read a large table as a whole, with their plans. */
export async function dearStatements (cluster: string): Promise<string[]> {
  const folder = join(cluster, planLog.log_directory)
  const found = new Map<string, string>()
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), 'utf8')
    for (const entry of text.split(OURS).slice(1)) {
      const [, statement = '', plan = ''] =
        /Query Text: ([^]*?)\n(\t?[A-Z][^\n]* {2}\(cost=[^]*)/.exec(entry.split(LINE, 1)[0]!) ?? []
      if (!found.has(statement) && readsAll(plan)) found.set(statement, plan.trimEnd())
    }
  }
  return [...found].map(([statement, plan]) => `${statement}\n${plan}`)
}

/**
 * Whether a node reads a large table row by row, or walks an index from end to end, or along it until enough rows pass
 * a filter.
 */
function readsAll (plan: string): boolean {
  const nodes = plan.split(/\n(?=\s*->|\s+(?:CTE|InitPlan|SubPlan) )/)
  return nodes.some((node, at) => {
    const [, name = '', cost] = /(?:->)?\s*([A-Z][^(]*?) {2}\(cost=[\d.]+\.\.(\d+)/.exec(node) ?? []
    if (Number(cost) < DEAR) return false
    if (/^(Parallel )?Seq Scan/.test(name)) return true
    const walked = /^(Parallel )?Index (Only )?Scan/.test(name)
    return walked && !node.includes('Index Cond') &&
      (node.includes('Filter:') || !/Limit|LockRows/.test(nodes[at - 1] ?? ''))
  })
}
