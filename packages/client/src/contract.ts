import { SessionSchema } from '@gatepost/contracts/auth/schemas'
import { operations, type KnownOperation, type PublicOperation } from '@gatepost/contracts/operations'
import type { ProblemCode } from '@gatepost/contracts/problems'
import type { services } from '@gatepost/contracts/services'
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

/** The operations that answer JSON. Pages for browsers, and the stream that `events` reads, are none. */
type Callable<Definition extends KnownOperation = KnownOperation> = Definition extends
{ responses: { 200: { contentType: string } } } ? never
  : string extends Definition['id'] ? never
    : Definition

/** Each operation of the API by its id: its input, and the body of each of its answers by status. */
export type Operations = {
  [Definition in Callable as Definition['id']]: {
    input: Flat<InputOf<Definition>>
    answers: AnswersOf<Definition['responses']>
  }
}

type Services = typeof services
type ProblemOf<Code, Catalogue = Services[keyof Services]['problems']> = Catalogue extends
{ [C in Code & string]: infer Problem } ? Problem : never

/** Each problem by its code. */
export type Problems = {
  [Code in ProblemCode]: {
    status: ProblemOf<Code>['status' & keyof ProblemOf<Code>]
    errors: ProblemOf<Code> extends { errors: true } ? true : false
  }
}

/** The account and the tokens that stand for it. */
export type Session = Static<typeof SessionSchema>

/** Of the operation that follows a stream. */
export const STREAM_ID = 'streamEvents'

const answersJson = ({ responses }: PublicOperation) =>
  Object.values(responses).every(({ contentType }) => contentType === undefined)

/** The operations that a client calls as functions. */
export const callable = operations.filter(answersJson)

/** The calls of these operations, and of the stream, by id. */
export const calls: Record<string, OperationCall> = Object.fromEntries(
  operations.filter((operation) => answersJson(operation) || operation.id === STREAM_ID).map((operation) => {
    const { id, method, url, auth, timeoutMs, responses, headers, query, bodyType } = operation
    const schemas = Object.values(responses).map(({ schema }) => schema)
    return [id, {
      method,
      path: url,
      auth,
      answers: Object.keys(responses).map(Number),
      timeoutMs,
      ...bodyType !== 'application/json' && { form: true },
      ...'idempotency-key' in headers.properties && { keyed: true },
      ...'cursor' in query.properties && { paged: true },
      ...schemas.some((schema) => schema?.title === SessionSchema.title) && { session: true }
    }]
  })
)
