/** RFC 9110, 8.8.3. */
export interface EntityTag {
  weak: boolean
  /** What stands between the quotes. */
  value: string
}

/** `*` or a list, in the form that the contract has already checked. */
export type EntityTags = '*' | EntityTag[]

const TAG = /(W\/)?"([^"]*)"/g

export function entityTagsOf (header: string): EntityTags {
  if (header.trim() === '*') return '*'
  return [...header.matchAll(TAG)].map(([, weak, value]) => ({ weak: weak !== undefined, value: value! }))
}

/** Strong: two answers with the same tag are the same bytes. */
export function entityTagOf (version: number) {
  return `"${version}"`
}

/** Weak comparison (RFC 9110, 13.1.2): whether the client has this version already. */
export function includesVersion (tags: EntityTags, version: number) {
  return tags === '*' || tags.some(({ value }) => value === String(version))
}

/**
 * Strong comparison (RFC 9110, 13.1.1): the versions that an If-Match allows; null when any will do.
 * A weak tag allows none, nor does one that no version of ours has ever had.
 */
export function versionsAllowedBy (header: string | undefined): number[] | null {
  const tags = header === undefined ? '*' : entityTagsOf(header)
  if (tags === '*') return null
  return tags.filter(({ weak, value }) => !weak && /^[1-9]\d{0,8}$/.test(value)).map(({ value }) => Number(value))
}
