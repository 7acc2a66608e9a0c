/** Reads one JSON document of the caller's; throws a problem when it cannot be had. */
export type Read = (service: 'auth' | 'posts', path: string) => Promise<unknown>

interface Page {
  items: unknown[]
  nextCursor?: string | null
}

/**
 * Everything that the services hold of a user, as the pieces of one JSON document, gathered over the contract's own
 * reads. What can be refused is read before the first piece is handed out; long lists follow page by page, as fast as
 * they are taken.
 */
export async function exportOf (userId: string, read: Read): Promise<AsyncGenerator<string, void, undefined>> {
  const audit = `/api/auth/audit?limit=100&userId=${userId}`
  const posts = `/api/posts?limit=100&authorId=${userId}`
  const [user, sessions, ended, keys, firstAudit, firstPosts] = await Promise.all([
    read('auth', '/api/auth/me'), read('auth', '/api/auth/sessions'), read('auth', '/api/auth/sessions?ended=true'), read('auth', '/api/auth/keys'),
    read('auth', audit), read('posts', posts)
  ])

  async function * list (name: string, first: unknown, service: 'auth' | 'posts', path: string) {
    let page = first as Page
    yield `,${JSON.stringify(name)}:[${page.items.map((item) => JSON.stringify(item)).join(',')}`
    let empty = page.items.length === 0
    while (page.nextCursor) {
      page = await read(service, `${path}&cursor=${page.nextCursor}`) as Page
      const items = page.items.map((item) => JSON.stringify(item)).join(',')
      if (items !== '') yield empty ? items : `,${items}`
      empty &&= items === ''
    }
    yield ']'
  }

  return (async function * () {
    yield `{"exportedAt":${JSON.stringify(new Date().toISOString())},"user":${JSON.stringify(user)}`
    for (const [name, whole] of [['sessions', sessions], ['endedSessions', ended], ['keys', keys]] as const) {
      yield `,${JSON.stringify(name)}:${JSON.stringify((whole as Page).items)}`
    }
    yield * list('audit', firstAudit, 'auth', audit)
    yield * list('posts', firstPosts, 'posts', posts)
    yield '}'
  })()
}
