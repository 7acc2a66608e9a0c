import type { TSchema } from '@sinclair/typebox'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import { GENERATED, table } from './markdown.ts'

/** docs/events.md: every event with its data, and who of us consumes it. */
export function eventsPage () {
  const sections = events.map((definition) => `## \`${definition.type}\`

${definition.summary} Subject \`${definition.subject}\`, aggregate: the ${definition.aggregate}
(\`${definition.aggregateId}\`)${
      definition.final ? '; the last event of its aggregate' : ''
    }${definition.erasable ? '; erasable' : ''}.

${
      table(
        ['member of `data`', 'type', 'meaning'],
        Object.entries<TSchema>(definition.data.properties).map((
          [name, schema]
        ) => [`\`${name}\``, typeOf(schema), schema.description ?? ''])
      )
    }
`
  )
  return `${GENERATED}
# Events

JetStream stream \`${EVENTS_STREAM}\`. A message is a CloudEvents 1.0 JSON object; header \`Nats-Msg-Id\` is its \`id\`.
Every committed change has exactly one event and no event is without a change. Delivery is at least once; whoever
remembers \`id\` has it exactly once. Per aggregate \`aggregateversion\` is 1, 2, 3 … in the order of publication.
Ignore members that you do not know.

When an aggregate ends, its events marked below as erasable are gone from the stream within ten seconds. What is left
of it keeps its versions and its order, beginning later than 1: apply the last event whatever came before it, and
erase what you kept of the others.

\`subscribe\` of \`@gatepost/client\` hands events over in the stream's order, also over crashes, lost connections and
failures: the server gives it the next one when the one before is acknowledged, which costs a round trip for each
event. A program that dies with an event in hand has it again at its next start, five seconds after the server last
heard from it at the latest, and what came since after it. An event that your program rejects is tried again, later
each time, and everything behind it waits. With \`concurrency\`, aggregates are dealt with side by side, each in its
own order. A consumer of your own keeps the order with \`max_ack_pending\` 1; with more,
what was out when it died comes again after later events, and \`aggregateversion\` tells.

## Ways to read

| way | whose | what it needs |
| --- | --- | --- |
| subscribe to \`events.>\` | everybody | nothing; what comes while you are away is missed |
| a pull consumer, durable or with an inactivity threshold | everybody | a named subscriber: a name of its list |
| a push consumer, also with flow control and heartbeats | everybody | the same; it delivers below your inbox prefix |
| an ordered consumer | without credentials, in the embedded run | nothing |
| \`DIRECT.GET\` and \`STREAM.MSG.GET\` of single messages | everybody | nothing |

A named subscriber (\`pnpm events subscriber add\`) sets its client's inbox prefix to \`_INBOX_<name>\`;
\`subscribe\` of \`@gatepost/client\` does. A consumer is made with its name in the subject of the request, as clients
do since 2022; the call without it is closed. Readers without credentials cannot delete consumers: one that nobody
pulls ends by its inactivity threshold.

Each way is tested with the JavaScript packages \`@nats-io/*\` 3 and \`nats\` 2, and with Python’s \`nats-py\`.

${sections.join('\n')}
## Our own consumers

${
    table(
      ['durable', 'service', 'filter'],
      Object.values(consumers).map(({ name, service, filter }) => [`\`${name}\``, service, `\`${filter}\``])
    )
  }
`
}

function typeOf (schema: TSchema): string {
  if (schema.anyOf) return (schema.anyOf as TSchema[]).map(({ const: value }) => `\`${value}\``).join(', ')
  return schema.type
}
