import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const LIFE_MS = 12 * 3_600_000
const LINK_MS = 5 * 60_000
/** Of each kind, the oldest goes first. */
const MOST = 50

const digest = (text: string) => createHash('sha256').update(text).digest()
const digestText = (text: string) => digest(text).toString('base64url')

/** Whether a secret is the expected one, in a time that tells nothing about it. */
export function isSecret (given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

/** Who has opened the console: each by a link that works once, and from then on by a cookie. */
export interface Visitors {
  /** Takes the token of a link, once; the value of the new cookie, or undefined for a token that is not good. */
  enter (token: string): string | undefined
  /** A key for what is kept of a visitor; undefined for a cookie that is not good. */
  find (cookie: string): string | undefined
  /** The token of a further link, good for five minutes. */
  invite (): string
}

/** Begins with one link, which has no end before it is used. Only digests are kept. */
export function createVisitors (firstToken: string, now: () => number = Date.now): Visitors {
  const links = new Map<string, number>([[digestText(firstToken), Infinity]])
  const visitors = new Map<string, number>()

  function keep (table: Map<string, number>, key: string, lifeMs: number) {
    for (const [known, until] of table) if (until <= now()) table.delete(known)
    if (table.size >= MOST) table.delete(table.keys().next().value!)
    table.set(key, now() + lifeMs)
  }

  function make (table: Map<string, number>, lifeMs: number) {
    const secret = randomBytes(32).toString('base64url')
    keep(table, digestText(secret), lifeMs)
    return secret
  }

  return {
    enter (token) {
      const key = digestText(token)
      const until = links.get(key) ?? 0
      links.delete(key)
      return until > now() ? make(visitors, LIFE_MS) : undefined
    },
    find (cookie) {
      const key = digestText(cookie)
      return (visitors.get(key) ?? 0) > now() ? key : undefined
    },
    invite: () => make(links, LINK_MS)
  }
}
