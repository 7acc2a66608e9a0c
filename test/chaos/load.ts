import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '@gatepost/testing/random'
import type { Ledger } from './ledger.ts'

interface Session { token: string, sessionId: string, email: string, userId: string }

const PASSWORD = 'a horse, a battery and a staple'
const CALL_TIMEOUT_MS = 10_000
const PAUSE_MS = 30

/**
 * One client that registers, writes, changes and deletes posts, renames itself, logs out and in, until it is told to
 * stop.
 */
export function startClient (origin: string, random: Random, ledger: Ledger, name: string) {
  const stopping = new AbortController()
  const own: string[] = []
  let session: Session | undefined

  /** Undefined when there was no answer, or one that promises nothing. */
  async function call (method: string, path: string, body?: object): Promise<any> {
    try {
      const answer = await fetch(origin + path, {
        method,
        headers: {
          ...body && { 'content-type': 'application/json' },
          ...session && { authorization: `Bearer ${session.token}` }
        },
        ...body && { body: JSON.stringify(body) },
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS)
      })
      const text = await answer.text()
      if (answer.status === 401) session = undefined
      if (!answer.ok) {
        if (answer.status >= 500) ledger.unknown++
        return undefined
      }
      ledger.answered++
      return text === '' ? {} : JSON.parse(text)
    } catch {
      ledger.unknown++
      return undefined
    }
  }

  async function enter (count: number) {
    const email = `${name}.${count}@example.com`
    const answer = await call('POST', '/api/auth/register', {
      email,
      password: PASSWORD,
      displayName: `Client ${name}`
    })
    if (!answer) return
    session = { token: answer.accessToken, sessionId: answer.sessionId, email, userId: answer.user.id }
    ledger.users.add(answer.user.id)
  }

  async function leave () {
    const { sessionId, email } = session!
    if (await call('POST', '/api/auth/logout')) ledger.revoked.add(sessionId)
    session = undefined
    const answer = await call('POST', '/api/auth/login', { email, password: PASSWORD })
    if (answer) session = { token: answer.accessToken, sessionId: answer.sessionId, email, userId: answer.user.id }
  }

  async function create () {
    const answer = await call('POST', '/api/posts', { title: `Post of ${name}`, content: `number ${own.length}` })
    if (!answer) return
    own.push(answer.id)
    ledger.posts.set(answer.id, { version: 1, deleted: false })
  }

  async function change () {
    const id = random.pick(own)
    const answer = await call('PATCH', `/api/posts/${id}`, { content: `changed ${random.below(1e6)}` })
    const known = ledger.posts.get(id)!
    if (answer) known.version = Math.max(known.version, answer.version)
  }

  async function remove () {
    const [id] = own.splice(random.below(own.length), 1)
    if (await call('DELETE', `/api/posts/${id}`)) ledger.posts.get(id!)!.deleted = true
  }

  async function act () {
    const dice = random.below(100)
    if (dice < 45 || own.length === 0) await create()
    else if (dice < 80) await change()
    else if (dice < 92) await remove()
    else if (dice < 96) await call('PATCH', '/api/auth/me', { displayName: `Client ${name} ${random.below(100)}` })
    else await leave()
  }

  const running = (async () => {
    for (let count = 0; !stopping.signal.aborted; count++) {
      if (session) await act()
      else await enter(count)
      if (!session) own.length = 0 // another account from now on; the ledger keeps the posts
      await sleep(PAUSE_MS)
    }
  })()
  return {
    async stop () {
      stopping.abort()
      await running
    }
  }
}
