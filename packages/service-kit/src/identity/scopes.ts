import { ProblemError } from '../problem.ts'

/** Tokens with the same scopes share one set. */
const scopeSets = new Map<string, ReadonlySet<string>>()
const MAX_SCOPE_SETS = 1_000

/** The scopes of a token's `scope` claim; undefined without one. */
export function scopesOf (scope: string | undefined): ReadonlySet<string> | undefined {
  if (scope === undefined) return undefined
  let set = scopeSets.get(scope)
  if (set === undefined) {
    if (scopeSets.size >= MAX_SCOPE_SETS) scopeSets.clear()
    scopeSets.set(scope, set = new Set(scope.split(' ')))
  }
  return set
}

/**
 * Throws a 403 problem unless the scopes hold the operation's scope (RFC 6750 section 3.1); null is for logins alone.
 */
export function requireScope (scopes: ReadonlySet<string>, needed: string | null) {
  if (needed === null) {
    throw new ProblemError('FORBIDDEN', { detail: 'An API key may not do this, whatever its scopes. Log in.' })
  }
  if (scopes.has(needed)) return
  throw new ProblemError('SCOPE_MISSING', {
    detail: `This needs the scope ${needed}, which the key does not have.`,
    headers: { 'www-authenticate': `Bearer realm="gatepost", error="insufficient_scope", scope="${needed}"` }
  })
}
