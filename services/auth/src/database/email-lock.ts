import type { Connection } from './database.ts'

/** Separates these keys from the keys of other advisory locks. */
const NAMESPACE = 7_301_002

/**
 * Until the transaction ends, no other one makes, confirms or frees an account of this address. It is the second lock
 * of a transaction: after the users' rows, before all rows that depend on them (docs/adr/0075-lock-order.md).
 */
export async function lockEmailKey (tx: Connection, emailKey: string) {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${NAMESPACE}::int, hashtext(${emailKey}))`
}

/**
 * Takes the locks of several addresses in one order, so that two accounts that exchange their addresses do not
 * deadlock.
 */
export async function lockEmailKeys (tx: Connection, ...emailKeys: string[]) {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${NAMESPACE}::int, lock) FROM (
    SELECT DISTINCT hashtext(key) AS lock FROM unnest(${emailKeys}::text[]) AS key ORDER BY lock) AS locks`
}
