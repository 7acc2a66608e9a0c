import type { TSchema } from '@sinclair/typebox'

/** A code point outside the BMP, written as two \uXXXX escapes. */
const BYTES_OF_CODE_POINT = 12
/** Names of members have no code points outside the BMP. */
const BYTES_OF_NAME_CHARACTER = 6
/** A double that is written out in full, with its sign and exponent. */
const BYTES_OF_NUMBER = 32
const BYTES_OF_BOOLEAN = 5
const BYTES_OF_NULL = 4
/** Room for indentation, which JSON leaves to the sender. */
const BYTES_OF_WHITESPACE = 4096

/**
 * The most bytes that a body of this schema takes as JSON, also when every character of it is escaped; `Infinity` for a
 * schema that sets no bound: a text without `maxLength`, a list without `maxItems`, an object that is not strict.
 */
export function largestBody (schema: TSchema): number {
  return sizeOf(schema) + BYTES_OF_WHITESPACE
}

function sizeOf (schema: TSchema): number {
  if (schema.const !== undefined) return sizeOfConstant(schema.const)
  if (Array.isArray(schema.anyOf)) return Math.max(...(schema.anyOf as TSchema[]).map(sizeOf))
  switch (schema.type) {
    case 'string': return 2 + BYTES_OF_CODE_POINT * (schema.maxLength ?? Infinity)
    case 'array': return 2 + (schema.maxItems ?? Infinity) * (1 + sizeOf(schema.items))
    case 'object': return schema.additionalProperties === false ? sizeOfMembers(schema.properties) : Infinity
    case 'integer':
    case 'number': return BYTES_OF_NUMBER
    case 'boolean': return BYTES_OF_BOOLEAN
    case 'null': return BYTES_OF_NULL
    default: return Infinity
  }
}

/** `"name":value,` for each. */
function sizeOfMembers (properties: Record<string, TSchema>) {
  return Object.entries(properties).reduce(
    (sum, [name, value]) => sum + 4 + BYTES_OF_NAME_CHARACTER * name.length + sizeOf(value),
    2
  )
}

function sizeOfConstant (value: unknown) {
  return typeof value === 'string' ? 2 + BYTES_OF_CODE_POINT * value.length : BYTES_OF_NUMBER
}
