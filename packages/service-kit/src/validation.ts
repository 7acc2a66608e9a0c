import {
  Ajv,
  type AnySchemaObject,
  type ErrorObject,
  type SchemaValidateFunction,
  str,
  type ValidateFunction
} from 'ajv'
import type { TSchema } from '@sinclair/typebox'
import { pointer } from './json/pointer.ts'
import { type FieldError, ProblemError } from './problem.ts'

/** The most faults that one answer names. */
const MAX_ERRORS = 20

// TypeBox makes the schemas, so none needs a check against the meta-schema.
const ajv = new Ajv({ meta: false, validateSchema: false, allErrors: true, strict: false, useDefaults: true })

// A length is a number of code points. Ajv counts them all, twice; most texts are so much longer or shorter than the
// limit that their UTF-16 units tell already.
addLength('minLength', 'fewer', (text, min) => text.length >= 2 * min || codePoints(text) >= min)
addLength('maxLength', 'more', (text, max) => text.length <= max || (text.length <= 2 * max && codePoints(text) <= max))

function addLength (keyword: string, comparison: string, holds: (text: string, limit: number) => boolean) {
  ajv.removeKeyword(keyword).addKeyword({
    keyword,
    type: 'string',
    schemaType: 'number',
    error: { message: ({ schemaCode }) => str`must NOT have ${comparison} than ${schemaCode} characters` },
    compile: (limit: number) => (text: string) => holds(text, limit)
  })
}

// Ajv's own keyword makes an error of each unknown member, without bound.
ajv.removeKeyword('additionalProperties').addKeyword({
  keyword: 'additionalProperties',
  type: 'object',
  schemaType: 'boolean',
  errors: true,
  compile: (allowed: boolean, { properties = {} }: AnySchemaObject) =>
    allowed ? () => true : refuseUnknown(new Set(Object.keys(properties)))
})

function refuseUnknown (known: ReadonlySet<string>): SchemaValidateFunction {
  const check: SchemaValidateFunction = (data: object) => {
    check.errors = []
    for (const additionalProperty in data) {
      if (known.has(additionalProperty)) continue
      check.errors.push({ keyword: 'additionalProperties', params: { additionalProperty } })
      if (check.errors.length === MAX_ERRORS) break
    }
    return check.errors.length === 0
  }
  return check
}

function codePoints (text: string) {
  let pairs = 0
  for (let i = 1; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) pairs++
  }
  return text.length - pairs
}

const PART_NAMES: Record<string, string> = { querystring: 'query' }

/**
 * A validator in Fastify's form: `{ error }` with every fault and its path, or `{ value }` where the value differs from
 * the data. Fastify copies all headers at each read once a validator returned a value for them.
 */
export type Validate = (data: unknown) => { value?: unknown } | { error: ProblemError }

const AS_IT_CAME = Object.freeze({})

/**
 * The validator of one part of a request, compiled at the first request, so that a process starts sooner. It removes
 * nothing, and coerces only whole numbers in query strings, which have no other form. Names of headers and parameters
 * keep their case.
 */
export function compileValidator (schema: TSchema, part: string): Validate {
  let check: ValidateFunction | undefined
  const name = PART_NAMES[part] ?? part
  const integers = part === 'querystring' ? integersOf(schema) : []
  return (data) => {
    const value = integers.some((key) => key in (data as object)) ? withIntegers(data as object, integers) : data
    check ??= ajv.compile(schema)
    if (check(value)) return value === data ? AS_IT_CAME : { value }
    return { error: new ProblemError('REQUEST_INVALID', { errors: fieldErrors(check.errors!, name) }) }
  }
}

function integersOf (schema: TSchema) {
  return Object.entries<TSchema>(schema.properties ?? {}).filter(([, property]) => property.type === 'integer').map((
    [key]
  ) => key)
}

function withIntegers (query: object, names: string[]) {
  const copy: Record<string, unknown> = { ...query }
  for (const name of names) {
    const value = copy[name]
    if (typeof value === 'string' && /^-?(0|[1-9]\d{0,14})$/.test(value)) copy[name] = Number(value)
  }
  return copy
}

function fieldErrors (errors: ErrorObject[], part: string): FieldError[] {
  const seen = new Map<string, FieldError>()
  for (const error of errors) {
    if (seen.size >= MAX_ERRORS) break
    const { params } = error
    const member: unknown = params.missingProperty ?? params.additionalProperty
    const path = `/${part}${error.instancePath}${typeof member === 'string' ? `/${pointer(member)}` : ''}`
    // An error for each allowed value says less than one for all of them.
    if (!seen.has(path) || error.keyword === 'anyOf') seen.set(path, { path, message: messageOf(error) })
  }
  return [...seen.values()]
}

function messageOf ({ keyword, message, params }: ErrorObject) {
  switch (keyword) {
    case 'required': return 'is required'
    case 'additionalProperties': return 'is not known here'
    case 'pattern': return 'has a form or a character that is not allowed'
    case 'const': return `must be ${JSON.stringify(params.allowedValue)}`
    case 'uniqueItems': return 'names something twice'
    case 'anyOf': return 'is none of the values that are allowed'
    default: return message ?? 'is not valid'
  }
}
