import { hash } from 'node:crypto'
import { isPooled } from './database-session.ts'

/** Begins a statement whose best plan depends on its parameters, so that it must be planned each time. */
export const PLAN_EACH_TIME = '/* plan each time */'

const MAX_STATEMENTS = 200
/** 192 bits: no two texts share a name, in any process and any order. */
const NAME_LENGTH = 32

/**
 * Names PostgreSQL statements by their text, for Prisma's `statementNameGenerator`, so that each connection parses and
 * plans them once: a quarter less work for small ones. Names are bounded, since both sides of every connection keep
 * them. Behind a pooler no statement has a name: the next one meets another session.
 */
export function createStatementNames (databaseUrl: string, max = MAX_STATEMENTS) {
  const pooled = isPooled(databaseUrl)
  const names = new Map<string, string>()
  return ({ sql }: { sql: string }) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    if (pooled || names.size >= max || sql.startsWith(PLAN_EACH_TIME)) return '' // PostgreSQL's unnamed statement
    const name = hash('sha256', sql, 'base64url').slice(0, NAME_LENGTH)
    names.set(sql, name)
    return name
  }
}
