import type { Session } from '../contract.ts'

// Every tab of a browser that uses one session, or every client of one process. What is missing here (a page without
// TLS has no locks) costs nothing but a refresh more: the server answers two that race with the same tokens.

interface Locks {
  request<Result> (
    name: string,
    options: { ifAvailable: boolean },
    work: (lock: object | null) => Promise<Result>
  ): Promise<Result>
}

const nameOf = (sessionId: string) => `gatepost-session-${sessionId}`

/**
 * Runs the work while no other tab does any for this session. It is told whether it had to wait for another one, which
 * then has news that may still be on their way.
 */
export async function alone<Result> (sessionId: string, work: (waited: boolean) => Promise<Result>): Promise<Result> {
  const locks = (globalThis.navigator as { locks?: Locks } | undefined)?.locks
  if (!locks) return work(false)
  const name = nameOf(sessionId)
  const taken = Symbol('taken')
  const done = await locks.request<Result | typeof taken>(
    name,
    { ifAvailable: true },
    async (lock) => lock === null ? taken : work(false)
  )
  return done === taken ? locks.request(name, { ifAvailable: false }, () => work(true)) : done
}

export interface TabChannel {
  /** Tells the others what the session is now; undefined: over. */
  tell (session: Session | undefined): void
  close (): void
}

/** Hears what other tabs tell of a session. */
export function listen (sessionId: string, hear: (session: Session | undefined) => void): TabChannel {
  if (typeof BroadcastChannel === 'undefined') return { tell () {}, close () {} }
  const channel = new BroadcastChannel(nameOf(sessionId))
  channel.onmessage = ({ data }: { data: unknown }) => hear((data as Session | null) ?? undefined)
  const { unref } = channel as { unref?: () => void } // Node would stay for it
  unref?.call(channel)
  return { tell: (session) => channel.postMessage(session ?? null), close: () => channel.close() }
}
