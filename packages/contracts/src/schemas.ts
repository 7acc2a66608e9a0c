import { Type, type Static, type TProperties, type TSchema } from '@sinclair/typebox'

/** RFC 9562 UUIDv7, lower case: our only form of id. `format: uuid` would also let `urn:uuid:` pass. */
export const ID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
export const IdSchema = Type.String({ pattern: ID_PATTERN, description: 'UUIDv7, lower case' })

export const DateTimeSchema = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$',
  description: 'UTC, ISO 8601'
})

/** An object that refuses members it does not name. */
export function strict<Properties extends TProperties> (
  properties: Properties,
  options: { title?: string, description?: string, minProperties?: number } = {}
) {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

export function nullable<Schema extends TSchema> (schema: Schema) {
  return Type.Union([schema, Type.Null()])
}

/** No C0, DEL or C1 character: safe in a header, a log line and a terminal. Needs the `u` flag that Ajv sets. */
export const SINGLE_LINE_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'
/** As above, but newline, carriage return and tab may stand in it. */
export const MULTI_LINE_PATTERN = '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$'

export const DisplayNameSchema = Type.String({
  minLength: 1,
  maxLength: 80,
  pattern: SINGLE_LINE_PATTERN,
  description: '1 to 80 code points'
})

/** Blank by itself, and fine among other characters: spaces, joiners of letters and of emoji, variation selectors. */
const BLANK = '\\p{Zs}\\u200c\\u200d\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}'
/** Never fine in a name: line ends, and characters that nobody sees or that turn the text around them. */
const UNSEEN =
  '\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f' +
  '\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800' +
  '\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e00ff}'

/**
 * A name that somebody chooses now. Names that were chosen before are {@link DisplayNameSchema}. The pattern has one
 * way to match, so a long text costs no more.
 */
export const NewDisplayNameSchema = Type.String({
  minLength: 1,
  maxLength: 80,
  pattern: `^[${BLANK}]*[^${BLANK}${UNSEEN}][^${UNSEEN}]*$`,
  description:
    '1 to 80 code points, at least one of which can be seen; none that is invisible or changes the direction of writing'
})

/** A BCP 47 tag: language, perhaps script, perhaps region. */
export const LanguageSchema = Type.String({
  pattern: '^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$',
  maxLength: 12,
  description: 'Of mails, such as en or pt-BR'
})

/** Opaque continuation of a list; made and read by the service that answered. */
export const CursorSchema = Type.String({ minLength: 1, maxLength: 512, pattern: '^[A-Za-z0-9_-]+$' })

export const LimitSchema = Type.Integer({ minimum: 1, maximum: 100, default: 20 })

/** One page of a list. `nextCursor` is null on the last one. */
export function pageOf<Item extends TSchema> (item: Item, title: string) {
  return Type.Object({ items: Type.Array(item), nextCursor: nullable(Type.String()) }, { title })
}

export const RoleSchema = Type.Union([Type.Literal('user'), Type.Literal('admin')])
export type Role = Static<typeof RoleSchema>
