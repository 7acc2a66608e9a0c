/** The answers to clients, against which the events are held in the end. */
export interface Ledger {
  /** Posts whose creation was answered 201, with the latest version that an answer named. */
  posts: Map<string, { version: number, deleted: boolean }>
  users: Set<string>
  /** Sessions whose logout was answered 204. */
  revoked: Set<string>
  /** Calls that were answered, and calls of which nobody knows. */
  answered: number
  unknown: number
}

export function createLedger (): Ledger {
  return { posts: new Map(), users: new Set(), revoked: new Set(), answered: 0, unknown: 0 }
}
