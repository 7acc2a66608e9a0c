import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from './ledger.ts'

const PASSWORD = 'a horse, a battery and a staple'
const STEP_MS = 20
const CALL_TIMEOUT_MS = 2_000
const GIVE_UP_MS = 60_000

/** A user who looks whether everything works: logs in, writes a post, and finds it in the feed. */
export function createProbe (origin: string, ledger: Ledger, name: string) {
  const email = `probe.${name}@example.com`
  let token = ''

  async function call (method: string, path: string, body?: object): Promise<any> {
    const answer = await fetch(origin + path, {
      method,
      headers: { ...body && { 'content-type': 'application/json' }, ...token && { authorization: `Bearer ${token}` } },
      ...body && { body: JSON.stringify(body) },
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS)
    }).catch(() => undefined)
    return answer?.ok ? await answer.json().catch(() => undefined) : undefined
  }

  async function until<T> (what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
    for (const deadline = performance.now() + GIVE_UP_MS; performance.now() < deadline; await sleep(STEP_MS)) {
      const answer = await ask()
      if (answer) return answer
    }
    throw new Error(`not so within ${GIVE_UP_MS / 1_000} s: ${what}`)
  }

  const registers = () => call('POST', '/api/auth/register', { email, password: PASSWORD, displayName: 'Probe' })
  const logsIn = () => call('POST', '/api/auth/login', { email, password: PASSWORD })

  async function enter (what: string, ask: () => Promise<any>) {
    token = ''
    const session = await until(what, ask)
    token = session.accessToken
    ledger.users.add(session.user.id)
  }

  return {
    // A registration whose answer came too late to be waited for is one all the same.
    register: () => enter('an account is there', async () => await registers() ?? logsIn()),
    /**
     * Resolves once the whole way has been gone, from the password to the feed, with when (`performance.now()`) each
     * step was.
     */
    async works (): Promise<{ loggedInAt: number, postedAt: number, seenAt: number }> {
      await enter('a login', logsIn)
      const loggedInAt = performance.now()
      const post = await until(
        'a post is created',
        () => call('POST', '/api/posts', { title: 'Probe', content: 'probe' })
      )
      ledger.posts.set(post.id, { version: 1, deleted: false })
      const postedAt = performance.now()
      // It, or a later one that has pushed it off the page.
      await until(
        'the post is in the feed',
        async () => (await call('GET', '/api/feed'))?.items.some(({ id }: { id: string }) => id >= post.id)
      )
      return { loggedInAt, postedAt, seenAt: performance.now() }
    }
  }
}
