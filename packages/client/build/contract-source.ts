import { envelopeOf, EVENTS_STREAM, type EventDefinition } from '@gatepost/contracts/event'
import { events } from '@gatepost/contracts/events'
import { liveEvents } from '@gatepost/contracts/gateway/live-events'
import type { ProblemDefinition } from '@gatepost/contracts/problem'
import { problems } from '@gatepost/contracts/problems'
import type { TSchema } from '@sinclair/typebox'
import { callable, calls, STREAM_ID } from '../src/contract.ts'
import { createTypePrinter, members, type Member } from './type-printer.ts'

// Both modules that this package has of the contract, written out. A test compares their types with the sources'.

const json = (value: unknown) => JSON.stringify(value, undefined, 2)

/** `src/contract.ts` for others. */
export function contractSource (): string {
  const printer = createTypePrinter()
  const named = (name: string, schema: TSchema): Member[] =>
    Object.keys(schema.properties).length === 0
      ? []
      : [{ name, type: printer.print(schema, 3), optional: !schema.required?.length }]
  const entries = callable.map((operation) => {
    const { id, summary, params, query, headers, body, bodyOptional, responses } = operation
    const input = members([
      ...named('params', params),
      ...named('query', query),
      ...named('headers', headers),
      ...body ? [{ name: 'body', type: printer.print(body, 3), optional: bodyOptional }] : []
    ], 2)
    const answers = members(Object.entries(responses).map(([status, { description, schema }]) => ({
      name: status,
      type: schema ? printer.print(schema, 3) : 'undefined',
      doc: description
    })), 2)
    const type = members([{ name: 'input', type: input }, { name: 'answers', type: answers }], 1)
    return { name: id, type, doc: summary }
  })
  const problemEntries = Object.entries<ProblemDefinition>(problems).map(([code, { status, detail, errors }]) => ({
    name: code,
    type: `{ status: ${status}, errors: ${errors ?? false} }`,
    doc: detail
  }))
  return `import type { OperationCall } from './operation-call.ts'

/** Each operation of the API by its id: its input, and the body of each of its answers by status. */
export interface Operations ${members(entries)}

/** Each problem by its code. */
export interface Problems ${members(problemEntries)}

${printer.declarations()}
/** Of the operation that follows a stream. */
export const STREAM_ID = '${STREAM_ID}'

/** How each is called, by id. */
export const calls: Record<string, OperationCall> = ${json(calls)}
`
}

/** `src/event-contract.ts` for others; `cloudEvent` declares the envelope. */
export function eventContractSource (cloudEvent: string): string {
  const printer = createTypePrinter()
  const types = events.map(({ type, summary, data }) => ({ name: type, type: printer.print(data, 1), doc: summary }))
  const envelopes = Object.fromEntries(events.map((event) => [event.type, envelopeOf(event)]))
  return `import type { EventDefinition } from './event-definition.ts'

${cloudEvent}
/** The \`data\` of each event, by type. */
export interface Events ${members(types)}

/** The events of \`GET /api/events\`. */
export type LiveEventType = ${liveEvents.map(({ type }) => `'${type}'`).join(' | ')}

export const EVENTS_STREAM = '${EVENTS_STREAM}'

const envelopes: Record<string, object> = ${json(envelopes)}

/** The JSON Schema of an event. */
export function envelopeOf (definition: { type: string }): object {
  const envelope = envelopes[definition.type]
  if (!envelope) throw new TypeError(\`no event of this API: \${definition.type}\`)
  return envelope
}

${events.map(definitionSource).join('\n')}`
}

function definitionSource ({ type, subject, owner, name, version, summary }: EventDefinition) {
  const camelCase = name.replace(/-(\w)/g, (_match, letter: string) => letter.toUpperCase())
  const constant = version > 1 ? `${camelCase}V${version}` : camelCase
  return `/** ${summary} */
export const ${constant}: EventDefinition<'${type}'> = ${json({ type, subject, owner })}
`
}
