import { Type, type TObject, type TProperties, type TSchema } from '@sinclair/typebox'
import { strict } from './schemas.ts'
import type { Scope } from './scope.ts'
import type { ServiceName } from './service-name.ts'

/**
 * The callers: `none` anybody (a bad token is ignored), `user` a token holder, `admin` a token holder with that role,
 * `optional` anybody, and the handler decides.
 */
export type AuthPolicy = 'none' | 'optional' | 'user' | 'admin'

/**
 * Which rate limits count the call: `default` the one over all of `/api`, `sensitive` that and the tighter group,
 * `none` neither.
 */
export type LimitPolicy = 'none' | 'default' | 'sensitive'

/** The media type of a request's body: JSON, or what a form of a page sends. */
export type BodyType = 'application/json' | 'application/x-www-form-urlencoded'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export interface ResponseDefinition<Schema extends TSchema = TSchema> {
  description: string
  /** Absent: the answer has no body. */
  schema?: Schema
  /** `application/json` unless said otherwise. */
  contentType?: string
  headers?: Record<string, string>
}

export type Responses = Record<number, ResponseDefinition>

/** The part of a call that is always stated. */
interface Call<Id extends string, Answers extends Responses> {
  id: Id
  /** The service that answers; the gateway itself, or one that it forwards to. */
  service: ServiceName
  method: Method
  /** Fastify's form: `/api/posts/:id`. */
  url: string
  summary: string
  auth: AuthPolicy
  limit: LimitPolicy
  responses: Answers
}

export interface OperationOptions<
  Params extends TProperties,
  Query extends TProperties,
  Headers extends TProperties,
  Body extends TSchema,
  Answers extends Responses,
  Code extends string,
  Id extends string,
  BodyOptional extends boolean
> extends Call<Id, Answers> {
  /**
   * The scope that an API key needs for the call; `<service>:read` or `<service>:write` by the method unless said
   * otherwise. Null: only a login may make the call, no key.
   */
  scope?: Scope | null
  params?: Params
  query?: Query
  /**
   * Request headers with a meaning here, lower case. They are the only ones forwarded beside the ones that every
   * operation forwards.
   */
  headers?: Headers
  body?: Body
  /** `application/json` unless said otherwise. */
  bodyType?: BodyType
  /** Whether a request without a body is fine. */
  bodyOptional?: BodyOptional
  /** Codes of the problems that it answers beside those of every operation; `operations.ts` knows all codes. */
  errors?: readonly Code[]
  /** The gateway gives up on the service after this many milliseconds. */
  timeoutMs?: number
}

/** One HTTP call of the public API: the single place where its url, inputs, answers and policy are stated. */
export interface Operation<
  Params extends TProperties = TProperties,
  Query extends TProperties = TProperties,
  Headers extends TProperties = TProperties,
  Body extends TSchema = TSchema,
  Answers extends Responses = Responses,
  Code extends string = string,
  Id extends string = string,
  BodyOptional extends boolean = boolean
> extends Call<Id, Answers> {
  scope: Scope | null
  params: TObject<Params>
  query: TObject<Query>
  headers: TObject<Headers>
  body: Body | undefined
  bodyType: BodyType
  bodyOptional: BodyOptional
  errors: readonly Code[]
  timeoutMs: number
}

const DEFAULT_TIMEOUT_MS = 10_000

/** Defines an operation. Parameters and bodies that are not named are refused. */
export function operation<
  const Id extends string,
  const Answers extends Responses,
  Params extends TProperties = {},
  Query extends TProperties = {},
  Headers extends TProperties = {},
  Body extends TSchema = never,
  const Code extends string = never,
  BodyOptional extends boolean = false
> (
  options: OperationOptions<Params, Query, Headers, Body, Answers, Code, Id, BodyOptional>
): Operation<Params, Query, Headers, Body, Answers, Code, Id, BodyOptional> {
  return {
    ...options,
    scope: options.scope === undefined
      ? `${options.service}:${options.method === 'GET' ? 'read' : 'write'}` as Scope
      : options.scope,
    params: strict(options.params ?? {} as Params),
    query: strict(options.query ?? {} as Query),
    headers: Type.Object(options.headers ?? {} as Headers),
    body: options.body,
    bodyType: options.bodyType ?? 'application/json',
    bodyOptional: options.bodyOptional ?? false as BodyOptional,
    errors: options.errors ?? [],
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  }
}
