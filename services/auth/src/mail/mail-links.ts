import type { Link } from './mail-kinds.ts'

/** Makes the URL of a mail's link. */
export type LinkMaker = (link: Link & { token: string }) => string

/**
 * Links lead to the pages of a web application with the token in the fragment, which browsers keep to themselves: no
 * proxy log and no Referer has it. Without a web application they lead to the gateway's own pages, which get it in the
 * query, since they do without scripts (docs/adr/0093-pages-for-mail-links.md).
 */
export function linkMaker (webApplication: string | undefined, gateway: string): LinkMaker {
  if (webApplication === undefined) return ({ page, ownPage = page, token }) => `${gateway}/${ownPage}?token=${token}`
  const base = webApplication.replace(/\/$/, '')
  return ({ page, token }) => `${base}/${page}#token=${token}`
}
