import { Type, type TSchema } from '@sinclair/typebox'
import { expect, test } from 'vitest'
import { largestBody } from '../src/body-size.ts'
import { operations } from '../src/operations.ts'
import { strict } from '../src/schemas.ts'

const withBody = operations.filter(({ body }) => body !== undefined)
const escaped = (text: string) =>
  [...Array(text.length).keys()].map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')

/** The largest value of a schema, as text. */
function largest (schema: TSchema): string {
  if (schema.const !== undefined) {
    return typeof schema.const === 'string' ? `"${escaped(schema.const)}"` : String(schema.const)
  }
  if (schema.anyOf) return schema.anyOf.map(largest).sort((a: string, b: string) => b.length - a.length)[0]
  switch (schema.type) {
    case 'string':
      return `"${escaped('👋'.repeat(schema.maxLength))}"`
    case 'array':
      return `[${Array.from({ length: schema.maxItems }, () => largest(schema.items)).join(', ')}]`
    case 'boolean':
      return 'false'
    case 'null':
      return 'null'
    case 'integer':
    case 'number':
      return '-2.2250738585072014E-308'
    default:
      return `{\n${
        Object.entries<TSchema>(schema.properties).map(([name, value]) => `    "${escaped(name)}" : ${largest(value)}`)
          .join(',\n')
      }\n}\n`
  }
}

test.each(withBody.map((operation) => [operation.id, operation] as const))(
  '%s: its body has a bound, which its largest one keeps, each character escaped',
  (_id, { body }) => {
    const text = largest(body!)
    JSON.parse(text)
    expect(text.length).toBeLessThanOrEqual(largestBody(body!))
    // Literals of a list are counted as the longest of them, which the text has not everywhere.
    expect(largestBody(body!)).toBeLessThan(text.length * 1.1 + 5_000)
  }
)

test('a schema without a bound has no largest body', () => {
  for (
    const open of [
      Type.String(),
      Type.Array(Type.Boolean()),
      Type.Object({}),
      Type.Unknown(),
      strict({ a: Type.Optional(Type.String()) })
    ]
  ) expect(largestBody(open)).toBe(Infinity)
  expect(largestBody(strict({
    list: Type.Array(Type.Union([Type.Literal('a'), Type.Null()]), { maxItems: 3 }),
    n: Type.Number()
  }))).toBeLessThan(4_300)
})
