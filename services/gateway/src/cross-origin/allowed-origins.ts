/** RFC 6454 section 6.2 for schemes that browsers give to pages of installed applications: `capacitor://localhost`. */
const APPLICATION_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9]\d{0,4})?$/
/** Pages of such schemes have no origin of their own, or stand for another's. */
const WITHOUT_ORIGIN = /^(?:about|blob|data|file|filesystem|javascript|ws|wss):/
const WILDCARD = '://*.'
/** A host name's label (RFC 1035), with the underscore that browsers let pass. */
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'

/**
 * Throws for a text that no browser sends as `Origin`. A leading `*.` is exactly one label, as in certificates (RFC
 * 9525 section 6.3), of a host with two labels or more: `https://*.example.org`.
 */
export function checkOrigin (item: string): void {
  if (
    !isOrigin(item.replace(WILDCARD, '://')) ||
    (item.includes(WILDCARD) && !/^https?:\/\/\*(?:\.[a-z0-9-]*[a-z][a-z0-9-]*){2,}(?::\d+)?$/.test(item))
  ) throw new TypeError(item)
}

function isOrigin (item: string) {
  if (/^https?:/.test(item)) return URL.canParse(item) && new URL(item).origin === item && !item.includes('*')
  return APPLICATION_ORIGIN.test(item) && !WITHOUT_ORIGIN.test(item)
}

/** An allowed origin as @fastify/cors takes it. */
export function originPattern (item: string): string | RegExp {
  if (!item.includes(WILDCARD)) return item
  const [scheme, host] = item.split('*') as [string, string]
  return new RegExp(`^${RegExp.escape(scheme)}${LABEL}${RegExp.escape(host)}$`)
}

/** An origin that the item allows. */
export function exampleOrigin (item: string): string {
  return item.replace(WILDCARD, '://example.')
}
