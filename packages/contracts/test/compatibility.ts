interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  const?: unknown
  pattern?: string
  [key: string]: unknown
}

/** Keywords that tell people something and bind nobody. */
const DESCRIPTIVE = new Set(['description', 'title', 'examples', 'default', 'properties', 'required', 'anyOf', 'items'])

/**
 * What in `present` breaks a subscriber who was written against `published`: a member that is gone or no longer always
 * there, or whose values may be others than they were. New members break nobody.
 */
export function breaksOf (published: Schema, present: Schema, path = 'data'): string[] {
  const breaks: string[] = []
  for (const keyword of new Set([...Object.keys(published), ...Object.keys(present)])) {
    if (DESCRIPTIVE.has(keyword) || JSON.stringify(published[keyword]) === JSON.stringify(present[keyword])) continue
    breaks
      .push(`${path}: ${keyword} was ${JSON.stringify(published[keyword])} and is ${JSON.stringify(present[keyword])}`)
  }
  for (const [name, schema] of Object.entries(published.properties ?? {})) {
    const now = present.properties?.[name]
    if (!now) breaks.push(`${path}.${name}: is gone`)
    else breaks.push(...breaksOf(schema, now, `${path}.${name}`))
  }
  for (const name of published.required ?? []) {
    if (present.properties?.[name] && !present.required?.includes(name)) {
      breaks.push(`${path}.${name}: was always there and may be missing now`)
    }
  }
  if (published.items && present.items) breaks.push(...breaksOf(published.items, present.items, `${path}[]`))
  else if (published.items || present.items) breaks.push(`${path}: items changed`)
  // A value that subscribers have never seen breaks those who go through the cases.
  const before = (published.anyOf ?? []).map((schema) => JSON.stringify(schema))
  const now = (present.anyOf ?? []).map((schema) => JSON.stringify(schema))
  if (before.length > 0 || now.length > 0) {
    for (const value of now) if (!before.includes(value)) breaks.push(`${path}: may be ${value} now`)
  }
  return breaks
}
