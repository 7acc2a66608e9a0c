import type { TSchema } from '@sinclair/typebox'
import { ID_PATTERN } from './schemas.ts'

/** What stands in the examples under a name. */
const BY_NAME: Record<string, unknown> = {
  email: 'ada@example.com',
  password: 'correct horse battery',
  currentPassword: 'correct horse battery',
  newPassword: 'a newer horse battery',
  displayName: 'Ada Lovelace',
  name: 'Nightly export',
  title: 'Hello',
  content: 'The first of many posts.',
  accessToken: 'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.…',
  nextCursor: null,
  ipAddress: '192.0.2.7',
  userAgent: 'Mozilla/5.0',
  endedAt: null,
  endReason: null,
  act: 'login',
  key: 'gp_…',
  message: 'Look into your mail.'
}

/** What any other text is, the first that fits. */
const TEXTS = ['01890a5d-ac96-774b-bcce-b302099a8057', '2026-01-31T12:00:00.000Z', 'example', 'en', '1', '"1"']

/** An example of a schema's value, made from its parts; undefined where nothing is said about the value. */
export function exampleOf (schema: TSchema, name = ''): unknown {
  if ('const' in schema) return schema.const
  if (schema.default !== undefined) return schema.default
  const named = BY_NAME[name]
  if (named !== undefined) return named
  if (schema.anyOf) {
    return schema.anyOf.map((option: TSchema) => exampleOf(option, name)).find((value: unknown) => value !== undefined)
  }
  if (schema.type === 'object') return object(schema)
  if (schema.type === 'array') return [exampleOf(schema.items)]
  if (schema.format === 'uri') return 'https://api.example.org/'
  if (schema.type === 'string') return TEXTS.find((text) => text.length >= 1 && fits(schema, text))
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 600
  return schema.type === 'boolean' ? true : undefined
}

function object ({ properties = {} }: TSchema) {
  return Object.fromEntries(
    Object.entries<TSchema>(properties).map(([name, property]) => [name, exampleOf(property, name)])
  )
}

/** An id is one only where an id is asked for. */
function fits ({ pattern }: TSchema, text: string) {
  if (text === TEXTS[0]) return pattern === ID_PATTERN
  if (text === TEXTS[1]) return pattern !== undefined && /\\d\{4\}-\\d\{2\}/.test(pattern)
  return pattern === undefined || new RegExp(pattern, 'u').test(text)
}
