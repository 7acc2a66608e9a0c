import { SessionSchema } from '@gatepost/contracts/auth/schemas'
import { operations, type KnownOperation } from '@gatepost/contracts/operations'
import type { problems } from '@gatepost/contracts/problems'
import type { Static, TSchema } from '@sinclair/typebox'
import type { OperationCall } from './operation-call.ts'

// The contract as this package sees it. The build replaces this module by its types and values written out, so that
// the package that strangers install needs neither the contracts nor TypeBox.

type Named<Name extends string, Value> = keyof Value extends never
  ? {}
  : {} extends Value ? { [K in Name]?: Value } : { [K in Name]: Value }

type BodyOf<Body extends TSchema, Optional> = [Body] extends [never]
  ? {}
  : Optional extends true ? { body?: Body['static'] } : { body: Body['static'] }

interface AnyDefinition {
  params: TSchema
  query: TSchema
  headers: TSchema
  body: TSchema | undefined
  bodyOptional: boolean
}

type InputOf<Definition extends AnyDefinition> =
  & Named<'params', Definition['params']['static']>
  & Named<'query', Definition['query']['static']>
  & Named<'headers', Definition['headers']['static']>
  & BodyOf<NonNullable<Definition['body']>, Definition['bodyOptional']>

type AnswersOf<Responses> = {
  -readonly [Status in keyof Responses]: Responses[Status] extends { schema: { static: infer Body } } ? Body : undefined
}

type Flat<T> = { [K in keyof T]: T[K] }

/** Each operation of the API by its id: its input, and the body of each of its answers by status. */
export type Operations = {
  [Definition in Exclude<KnownOperation, { id: 'streamEvents' }> as Definition['id']]: {
    input: Flat<InputOf<Definition>>
    answers: AnswersOf<Definition['responses']>
  }
}

/** Each problem by its code. */
export type Problems = {
  -readonly [Code in keyof typeof problems]: {
    status: typeof problems[Code]['status']
    errors: typeof problems[Code] extends { errors: true } ? true : false
  }
}

/** The account and the tokens that stand for it. */
export type Session = Static<typeof SessionSchema>

/** Of an operation that follows a stream, and is read by `events`. */
export const STREAM_ID = 'streamEvents'

/** The calls of all operations, by id. */
export const calls: Record<string, OperationCall> = Object.fromEntries(operations.map((operation) => {
  const { id, method, url, auth, timeoutMs, responses, headers, query } = operation
  const schemas = Object.values(responses).map(({ schema }) => schema)
  return [id, {
    method,
    path: url,
    auth,
    answers: Object.keys(responses).map(Number),
    timeoutMs,
    ...'idempotency-key' in headers.properties && { keyed: true },
    ...'cursor' in query.properties && { paged: true },
    ...schemas.some((schema) => schema?.title === SessionSchema.title) && { session: true }
  }]
}))
