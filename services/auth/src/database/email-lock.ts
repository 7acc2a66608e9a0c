import type { Connection } from './database.ts'

/** Apart from the keys of other advisory locks. */
const NAMESPACE = 7_301_002

/**
 * Until the transaction ends, nobody else makes, confirms or gives up an account of this address. The second of the
 * locks that a transaction takes: after the users' rows, before everything that hangs on them
 * (docs/adr/0075-lock-order.md).
 */
export async function lockEmailKey (tx: Connection, emailKey: string) {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${NAMESPACE}::int, hashtext(${emailKey}))`
}

/** Several of them, in one order: two accounts that exchange their addresses do not wait for each other. */
export async function lockEmailKeys (tx: Connection, ...emailKeys: string[]) {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${NAMESPACE}::int, lock) FROM (
    SELECT DISTINCT hashtext(key) AS lock FROM unnest(${emailKeys}::text[]) AS key ORDER BY lock) AS locks`
}
