import { type TSchema } from '@sinclair/typebox'

type Json = Record<string, unknown>

/** Words about a schema that promise nothing. */
const ANNOTATIONS = new Set(['title', 'description', 'examples', '$id'])

/**
 * What a subscriber who was written against `published` could trip over in `present`, as sentences; none when every
 * change only adds. A member that was promised must still be there, still be promised, and hold no more than before said.
 */
export function breakingChanges (published: Json, present: TSchema): string[] {
  const before = members(published)
  const now = members(JSON.parse(JSON.stringify(present)))
  return Object.entries(before.properties).flatMap(([name, schema]) => {
    const changed = now.properties[name]
    if (changed === undefined) return [`member "${name}" is gone`]
    if (before.required.includes(name) && !now.required.includes(name)) return [`member "${name}" is no longer always there`]
    return stable(schema) === stable(changed) ? [] : [`member "${name}" was ${stable(schema)} and is ${stable(changed)}`]
  })
}

function members (schema: Json) {
  return { properties: (schema.properties ?? {}) as Record<string, Json>, required: (schema.required ?? []) as string[] }
}

function stable (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([key]) => !ANNOTATIONS.has(key)).sort(([a], [b]) => a < b ? -1 : 1)
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${stable(each)}`).join(',')}}`
}
