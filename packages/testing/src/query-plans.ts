import pg from 'pg'

export interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Relation Name'?: string
  Plans?: PlanNode[]
}

/** The nodes of a plan, outermost first: `Limit`, `Index Scan posts_pkey`. */
export async function planOf (
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
