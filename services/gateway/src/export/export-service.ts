import { getMe } from '@gatepost/contracts/auth/account-operations'
import { listApiKeys } from '@gatepost/contracts/auth/key-operations'
import { listSessions } from '@gatepost/contracts/auth/session-operations'
import { listAudit } from '@gatepost/contracts/auth/user-operations'
import { listPosts } from '@gatepost/contracts/posts/operations'
import { UpstreamBrokenError } from '../errors.ts'

/** The services that an export is gathered from. */
export const exportReads = { getMe, listSessions, listApiKeys, listAudit, listPosts }
export type ReadName = keyof typeof exportReads

/** Reads one JSON document of the caller's; throws a problem when it cannot be had. */
export type Read = (name: ReadName, query?: string) => Promise<unknown>

/** Forty of the longest posts in UTF-8 are within what one answer may have. */
const POSTS_OF_A_PAGE = 40

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
  const audit = `?limit=100&userId=${userId}`
  const posts = `?limit=${POSTS_OF_A_PAGE}&authorId=${userId}`
  const [user, sessions, ended, keys, firstAudit, firstPosts] = await Promise.all([
    read('getMe'),
    page('listSessions'),
    page('listSessions', '?ended=true'),
    page('listApiKeys'),
    page('listAudit', audit),
    page('listPosts', posts)
  ])

  async function * list (name: string, first: Page, ...[operation, query]: Parameters<Read>) {
    let last = first
    yield `,${JSON.stringify(name)}:[${last.items.map((item) => JSON.stringify(item)).join(',')}`
    let empty = last.items.length === 0
    while (last.nextCursor) {
      last = await page(operation, `${query}&cursor=${last.nextCursor}`)
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
    yield * list('audit', firstAudit, 'listAudit', audit)
    yield * list('posts', firstPosts, 'listPosts', posts)
    yield '}'
  })()
}
