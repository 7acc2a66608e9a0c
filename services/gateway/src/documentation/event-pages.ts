import { EVENTS_STREAM, type EventDefinition } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import { DUPLICATE_WINDOW_MS, eventHeaders } from '@gatepost/contracts/stream'
import type { TSchema } from '@sinclair/typebox'
import { escapeHtml, layout } from '../html/page.ts'

/** /docs/events: the events that subscribers receive, from the definitions that publishers are checked against. */
export function eventPage () {
  return layout('Events', `
<p>Domain events are CloudEvents 1.0 (JSON) in the NATS JetStream stream <code>${EVENTS_STREAM}</code>, one subject for
each kind. Named subscribers may subscribe to <code>events.&gt;</code> and read the stream; in the embedded run so may
every client that connects without credentials. Delivery is at least once; <code>id</code>, also the header
<code>Nats-Msg-Id</code>, makes it exactly once for subscribers that keep it. Per aggregate,
<code>aggregateversion</code> is 1, 2, 3 … and events are published in that order; of an aggregate that ended, earlier
events are erased. Ignore members that you do not know.</p>
<pre>nats sub 'events.&gt;'</pre>
<p>The stream keeps every event, in files; a repetition with the same <code>Nats-Msg-Id</code> within ${
      DUPLICATE_WINDOW_MS / 60_000
    } minutes is dropped by the server.
Headers: ${Object.keys(eventHeaders.properties).map((name) => `<code>${name}</code>`).join(', ')}. Its consumers ${
      Object.keys(consumers).map((name) => `<code>${name}</code>`).join(', ')
    } are
our own services’; make one of your own, under another name:</p>
<pre>nats consumer add ${EVENTS_STREAM} my-consumer --pull --ack explicit --max-pending 1 --deliver all \\
  --filter 'events.posts.&gt;' --defaults
nats consumer next ${EVENTS_STREAM} my-consumer</pre>
<p>With one event pending at most, an event that a crashed program had comes again before any later one; with more you
are faster and must compare <code>aggregateversion</code>. The requests behind these commands stand in
<a href="/asyncapi.json">/asyncapi.json</a>, at each operation.</p>
<p>In a browser: <code>GET /api/events</code> streams them with an access token.</p>
<ul>${
      events.map(({ type, summary }) => `<li><a href="#${type}"><code>${type}</code></a> ${escapeHtml(summary)}</li>`)
        .join('\n')
    }</ul>
${events.map(section).join('\n')}`
  )
}

function section ({ type, subject, summary, aggregate, aggregateId, final, data }: EventDefinition) {
  return `<section id="${type}"><h2><code>${escapeHtml(type)}</code></h2>
<p>${escapeHtml(summary)} Aggregate: ${escapeHtml(aggregate)}, its id is <code>${escapeHtml(aggregateId)}</code>.${
    final ? ' Nothing of the aggregate comes after it.' : ''
  }</p>
<p>Subject: <code>${escapeHtml(subject)}</code></p>
<table><thead><tr><th>member of data</th><th>type</th><th>meaning</th></tr></thead><tbody>
${
    Object.entries<TSchema>(data.properties).map(([name, schema]) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(typeOf(schema))}</td><td>${
        escapeHtml(schema.description ?? '')
      }</td></tr>`
    ).join('\n')
  }
</tbody></table></section>`
}

function typeOf (schema: TSchema): string {
  if (Array.isArray(schema.anyOf)) {
    return (schema.anyOf as TSchema[]).map((member) =>
      member.const === undefined ? typeOf(member) : JSON.stringify(member.const)
    ).join(' | ')
  }
  return schema.const === undefined ? String(schema.type) : JSON.stringify(schema.const)
}
