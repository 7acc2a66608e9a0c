/** For answers with secrets or personal data. */
export const noStore = { 'cache-control': 'no-store' }

export const done = { 204: { description: 'Done' } } as const

/** Hashing waits for its turn. */
export const HASHING_TIMEOUT_MS = 15_000
