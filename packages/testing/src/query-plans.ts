import type { ServiceName } from '@gatepost/contracts/service-name'
import type { Sql } from '@gatepost/service-kit/sql'
import pg from 'pg'
import { createDatabase } from './database.ts'

interface Opened {
  sql: Sql
  close (): Promise<void>
}

/** The database of a service with the rows of some statements, which tells how its last statement is planned. */
export async function startPlanner<Database extends Opened> (
  name: ServiceName,
  openDatabase: (options: { url: string, poolSize: number }) => Database,
  rows: readonly string[]
) {
  const { url, ownerUrl, drop } = await createDatabase(name)
  const owner = new pg.Client({ connectionString: ownerUrl })
  await owner.connect()
  for (const statement of rows) await owner.query(statement)
  await owner.end()
  const database = openDatabase({ url, poolSize: 2 })
  let last: { statement: string, values: readonly unknown[] }
  /** For what is not sent by `sql`. */
  function note (statement: string, values: readonly unknown[]) {
    last = { statement, values }
  }
  const sql: Sql = {
    query (statement, values = []) {
      note(statement, values)
      return database.sql.query(statement, values)
    }
  }
  const plan = () => planOf(url, last.statement, last.values)
  return {
    database,
    sql,
    note,
    plan,
    /** Its plan, and what PostgreSQL may change to once it has planned a named statement a few times. */
    plans: async () => [await plan(), await planOf(url, last.statement, 'generic')],
    async stop () {
      await database.close()
      await drop()
    }
  }
}
export type Planner<Database extends Opened> = Awaited<ReturnType<typeof startPlanner<Database>>>

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Relation Name'?: string
  Plans?: PlanNode[]
}

/** The nodes of a plan, outermost first: `Limit`, `Index Scan posts_pkey`. */
async function planOf (
  url: string,
  statement: string,
  values: readonly unknown[] | 'generic'
): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = values === 'generic'
      ? await client.query(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${statement}`)
      : await client.query(`EXPLAIN (FORMAT JSON) ${statement}`, [...values])
    return nodesOf(rows[0]['QUERY PLAN'][0].Plan)
  } finally {
    await client.end()
  }
}

function nodesOf (node: PlanNode): string[] {
  const name = [node['Node Type'], node['Index Name'] ?? node['Relation Name']].filter(Boolean).join(' ')
  return [name, ...(node.Plans ?? []).flatMap(nodesOf)]
}
