import { UpstreamBrokenError } from '../errors.ts'

/** Reads one JSON document of the caller's; throws a problem when it cannot be had. */
export type Read = (service: 'auth' | 'posts', path: string) => Promise<unknown>

interface Page {
  items: unknown[]
  nextCursor?: string | null
}

/** A list as every service answers it; anything else is nonsense. */
function pageOf (answer: unknown): Page {
  if (!Array.isArray((answer as Page | null)?.items)) throw new UpstreamBrokenError()
  return answer as Page
}

/**
 * Everything that the services hold of a user, as the pieces of one JSON document, gathered over the contract's own
 * reads. What can be refused is read before the first piece is handed out; long lists follow page by page, as fast as
 * they are taken.
 */
export async function exportOf (userId: string, read: Read): Promise<AsyncGenerator<string, void, undefined>> {
  const page = async (...call: Parameters<Read>) => pageOf(await read(...call))
  const audit = `/api/auth/audit?limit=100&userId=${userId}`
  const posts = `/api/posts?limit=100&authorId=${userId}`
  const [user, sessions, ended, keys, firstAudit, firstPosts] = await Promise.all([
    read('auth', '/api/auth/me'),
    page('auth', '/api/auth/sessions'),
    page('auth', '/api/auth/sessions?ended=true'),
    page('auth', '/api/auth/keys'),
    page('auth', audit),
    page('posts', posts)
  ])

  async function * list (name: string, first: Page, service: 'auth' | 'posts', path: string) {
    let last = first
    yield `,${JSON.stringify(name)}:[${last.items.map((item) => JSON.stringify(item)).join(',')}`
    let empty = last.items.length === 0
    while (last.nextCursor) {
      last = await page(service, `${path}&cursor=${last.nextCursor}`)
      const items = last.items.map((item) => JSON.stringify(item)).join(',')
      if (items !== '') yield empty ? items : `,${items}`
      empty &&= items === ''
    }
    yield ']'
  }

  return (async function * () {
    yield `{"exportedAt":${JSON.stringify(new Date().toISOString())},"user":${JSON.stringify(user)}`
    for (const [name, whole] of [['sessions', sessions], ['endedSessions', ended], ['keys', keys]] as const) {
      yield `,${JSON.stringify(name)}:${JSON.stringify(whole.items)}`
    }
    yield * list('audit', firstAudit, 'auth', audit)
    yield * list('posts', firstPosts, 'posts', posts)
    yield '}'
  })()
}
