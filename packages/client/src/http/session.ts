import type { Session } from '../contract.ts'
import { ProblemError } from './errors.ts'
import { alone, listen, type TabChannel } from './tabs.ts'

export interface SessionOptions {
  /**
   * The session to go on with. A function that reads it from where `onSession` keeps it is asked again before each
   * refresh, so that a tab that slept does not present a token that another one has used.
   */
  session?: Session | (() => Session | undefined | Promise<Session | undefined>) | undefined
  /**
   * Told of every change of the session, to keep it or, with undefined, to forget it. The next step waits until it
   * resolves.
   */
  onSession?: (session: Session | undefined) => void | Promise<void>
}

export interface SessionKeeper {
  /** The session as this client knows it. */
  readonly current: Session | undefined
  /** An access token that is good as far as one knows; undefined without a session. */
  token (): Promise<string | undefined>
  /** A newer token than one that was refused; undefined without a session. One refresh serves all who ask. */
  renew (refused: string | undefined): Promise<string | undefined>
  set (session: Session | undefined): Promise<void>
  /** Runs the work while nobody refreshes this session, in any tab. */
  alone<Result> (work: () => Promise<Result>): Promise<Result>
}

/** Replaced refresh tokens that are remembered, lest a late message of another tab brings one back. */
const REMEMBERED = 8
/** A message to another tab takes no longer. */
const NEWS_MS = 200

/** Keeps one session: the tokens in use, their renewal, and what other tabs make of them. */
export function createSessionKeeper (
  { session: initial, onSession }: SessionOptions,
  refresh: (refreshToken: string) => Promise<Session>
): SessionKeeper {
  const load = typeof initial === 'function' ? initial : undefined
  let current: Session | undefined
  let expiresAt = Infinity
  let channel: TabChannel | undefined
  let renewal: Promise<string | undefined> | undefined
  let onNews: (() => void) | undefined
  const replaced: string[] = []
  const first = typeof initial === 'function' ? initial() : initial
  let loading = first instanceof Promise ? first.then((loaded) => { if (!current) keep(loaded) }) : undefined
  if (first && !(first instanceof Promise)) keep(first)

  /** Takes over a session. How long its token lives counts from now: no clock is compared with the server's. */
  function keep (session: Session | undefined, livesMs = Infinity) {
    if (session?.sessionId !== current?.sessionId || !channel) {
      channel?.close()
      channel = session && listen(session.sessionId, hear)
    }
    if (current && current.refreshToken !== session?.refreshToken) {
      replaced.unshift(current.refreshToken)
      replaced.length = Math.min(replaced.length, REMEMBERED)
    }
    current = session
    expiresAt = performance.now() + livesMs
  }

  function hear (session: Session | undefined) {
    if (session && (replaced.includes(session.refreshToken) || session.refreshToken === current?.refreshToken)) return
    keep(session, session && session.expiresIn * 1_000)
    onNews?.()
    void onSession?.(session)
  }

  /** What another tab told before it let go of the lock. */
  async function news (refused: string | undefined) {
    if (current?.accessToken !== refused) return
    await Promise.race([
      new Promise<void>((resolve) => { onNews = resolve }),
      new Promise<void>((resolve) => { setTimeout(resolve, NEWS_MS) })
    ])
  }

  async function set (session: Session | undefined) {
    const before = channel
    const same = session?.sessionId === current?.sessionId
    if (!session) before?.tell(undefined)
    keep(session, session && session.expiresIn * 1_000)
    await onSession?.(session)
    if (session && same) channel?.tell(session)
  }

  async function renewAlone (refused: string | undefined, waited: boolean): Promise<string | undefined> {
    if (waited) await news(refused)
    const stored = await load?.()
    if (stored && stored.sessionId === current?.sessionId && stored.refreshToken !== current.refreshToken) {
      if (!replaced.includes(stored.refreshToken)) keep(stored)
    }
    if (!current) return undefined
    if (current.accessToken !== refused) return current.accessToken // another tab was faster
    const { sessionId } = current
    try {
      const renewed = await refresh(current.refreshToken)
      if (isCurrent(sessionId)) await set(renewed)
    } catch (error) {
      if (error instanceof ProblemError && error.status === 401 && isCurrent(sessionId)) await set(undefined)
      throw error
    }
    return current?.accessToken
  }

  /** Somebody may have logged in or out meanwhile. */
  const isCurrent = (sessionId: string) => current?.sessionId === sessionId

  async function renew (refused: string | undefined) {
    if (current?.accessToken !== refused) return current?.accessToken
    if (!current) return undefined
    const { sessionId } = current
    renewal ??= alone(sessionId, (waited) => renewAlone(refused, waited)).finally(() => { renewal = undefined })
    return renewal
  }

  return {
    get current () { return current },
    async token () {
      await loading
      loading = undefined
      return current && performance.now() >= expiresAt ? renew(current.accessToken) : current?.accessToken
    },
    renew,
    set,
    async alone (work) {
      await loading
      return current ? alone(current.sessionId, work) : work()
    }
  }
}
