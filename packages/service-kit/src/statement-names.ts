/** Begins a statement whose best plan depends on its parameters, so that it must be planned each time. */
export const PLAN_EACH_TIME = '/* plan each time */'

const MAX_STATEMENTS = 200

/**
 * Names PostgreSQL statements by their text, for Prisma's `statementNameGenerator`, so that each connection parses and plans them once: a quarter less work for the small ones.
 * Bounded, since each name is kept on both sides of every connection.
 */
export function createStatementNames (max = MAX_STATEMENTS) {
  const names = new Map<string, string>()
  return ({ sql }: { sql: string }) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    if (names.size >= max || sql.startsWith(PLAN_EACH_TIME)) return '' // PostgreSQL's unnamed statement
    const name = `s${names.size}`
    names.set(sql, name)
    return name
  }
}
