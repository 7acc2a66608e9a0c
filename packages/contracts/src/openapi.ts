import type { TSchema } from '@sinclair/typebox'
import type { ResponseDefinition } from './operation.ts'
import { exampleOf } from './openapi-examples.ts'
import { operations, type PublicOperation } from './operations.ts'
import { ProblemSchema } from './problem.ts'
import { problems, type ProblemCode } from './problems.ts'
import { services } from './services.ts'

type Json = Record<string, unknown>

/** The name of the API in its documents and to programs. */
export const API = { name: 'Gatepost', version: '1' }

/** Problems that follow from an operation's policy and inputs, and the ones that it names. */
export function problemCodesOf (operation: PublicOperation): ProblemCode[] {
  const codes: ProblemCode[] = ['INTERNAL']
  if (operation.auth === 'user' || operation.auth === 'admin') codes.push('TOKEN_REQUIRED', 'TOKEN_INVALID')
  if (operation.auth === 'user' || operation.auth === 'admin') {
    codes.push(operation.scope === null ? 'FORBIDDEN' : 'SCOPE_MISSING')
  }
  if (operation.auth === 'admin') codes.push('FORBIDDEN')
  if (operation.limit !== 'none') codes.push('RATE_LIMITED', 'REQUEST_INVALID')
  if (operation.body) codes.push('REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')
  if (operation.service !== 'gateway') codes.push('UPSTREAM_BROKEN', 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT')
  return [...new Set([...codes, ...operation.errors])]
}

/** The whole public API as an OpenAPI 3.1 document; schemas with a title become components. */
export function openApi (serverUrl: string): Json {
  const schemas = new Map<string, Json>([['Problem', plain(ProblemSchema)]])
  const paths: Record<string, Json> = {}
  for (const operation of operations) {
    const path = operation.url.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describe(operation, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: API.name,
      version: API.version,
      description:
        'Sign-up and login, posts, a feed. Protected operations need an access token, `accessToken` in the answer ' +
        'to a registration or login. Every error is application/problem+json (RFC 9457).',
      license: { name: 'MIT', identifier: 'MIT' }
    },
    servers: [{ url: serverUrl }],
    tags: Object.values(services).filter(({ operations }) => operations.length > 0).map(({ name, summary }) => ({
      name,
      description: summary
    })),
    paths,
    components: {
      schemas: Object.fromEntries(schemas),
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The `accessToken` in the answer to a registration or login.'
        },
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'gp_…',
          description: 'A key of `POST /api/auth/keys`; the roles named are its scopes.'
        }
      }
    }
  }
}

function describe (operation: PublicOperation, schemas: Map<string, Json>): Json {
  const { id, service, summary, auth, body, bodyType, bodyOptional } = operation
  return {
    operationId: id,
    tags: [service],
    summary,
    ...auth !== 'none' && { security: securityOf(operation) },
    parameters: [
      ...parameters(operation.params, 'path'),
      ...parameters(operation.query, 'query'),
      ...parameters(operation.headers, 'header')
    ],
    ...body &&
      {
        requestBody: { required: !bodyOptional, content: { [bodyType]: contentOf(body, schemas) } }
      },
    responses: {
      ...Object
        .fromEntries(Object.entries(operation.responses).map((
          [status, response]
        ) => [status, describeResponse(response, schemas)])),
      ...describeProblems(operation)
    }
  }
}

/** An API key is named where one may be used at all, with the scope that it needs. */
function securityOf ({ auth, scope }: PublicOperation) {
  return [{ accessToken: [] }, ...scope === null ? [] : [{ apiKey: [scope] }], ...auth === 'optional' ? [{}] : []]
}

function parameters (schema: TSchema, place: string) {
  return Object.entries<TSchema>(schema.properties).map(([name, property]) => ({
    name,
    in: place,
    required: schema.required?.includes(name) ?? false,
    schema: plain(property)
  }))
}

function describeResponse (
  { description, schema, contentType = 'application/json', headers = {} }: ResponseDefinition,
  schemas: Map<string, Json>
): Json {
  return {
    description,
    headers: Object
      .fromEntries(Object.entries(headers).map((
        [name, text]
      ) => [name, { description: text, schema: { type: 'string' } }])),
    ...schema && { content: { [contentType]: contentOf(schema, schemas, contentType === 'application/json') } }
  }
}

function describeProblems (operation: PublicOperation) {
  const byStatus = Map.groupBy(problemCodesOf(operation), (code) => problems[code].status)
  return Object
    .fromEntries([...byStatus].filter(([status]) => !(status in operation.responses)).map((
      [status, codes]
    ) => [status, {
      description: codes.map((code) => `\`${code}\`: ${problems[code].detail}`).join('\n\n'),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
    }]))
}

function contentOf (schema: TSchema, schemas: Map<string, Json>, exemplary = true): Json {
  const example = exemplary ? exampleOf(schema) : undefined
  return { schema: reference(schema, schemas), ...example !== undefined && { example } }
}

function reference (schema: TSchema, schemas: Map<string, Json>): Json {
  if (!schema.title) return plain(schema)
  schemas.set(schema.title, plain(schema))
  return { $ref: `#/components/schemas/${schema.title}` }
}

/** TypeBox's own symbols are not JSON; the rest is JSON Schema 2020-12 as it stands. */
function plain (schema: TSchema): Json {
  return JSON.parse(JSON.stringify(schema))
}
