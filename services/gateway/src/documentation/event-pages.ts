import { EVENTS_STREAM, type EventDefinition } from '@gatepost/contracts/event'
import { events } from '@gatepost/contracts/events'
import { type TSchema } from '@sinclair/typebox'
import { escapeHtml, layout } from './page.ts'

/** /docs/events: what subscribers receive, from the same definitions that publishers are checked against. */
export function eventPage () {
  return layout('Events', `
<p>Domain events are CloudEvents 1.0 (JSON) in the NATS JetStream stream <code>${EVENTS_STREAM}</code>, one subject for each kind. Whoever connects
without credentials may subscribe to <code>events.&gt;</code> and read the stream. Delivery is at least once; <code>id</code>, also the header
<code>Nats-Msg-Id</code>, makes it exactly once for those who keep it. Per aggregate, <code>aggregateversion</code> is 1, 2, 3 … and events are published
in that order. Ignore members that you do not know.</p>
<pre>nats sub 'events.&gt;'</pre>
<p>In a browser: <code>GET /api/events</code> streams them with an access token.</p>
<ul>${events.map(({ type, summary }) => `<li><a href="#${type}"><code>${type}</code></a> ${escapeHtml(summary)}</li>`).join('\n')}</ul>
${events.map(section).join('\n')}`)
}

function section ({ type, subject, summary, aggregate, aggregateId, final, data }: EventDefinition) {
  return `<section id="${type}"><h2><code>${escapeHtml(type)}</code></h2>
<p>${escapeHtml(summary)} Aggregate: ${escapeHtml(aggregate)}, its id is <code>${escapeHtml(aggregateId)}</code>.${final ? ' Nothing of the aggregate comes after it.' : ''}</p>
<p>Subject: <code>${escapeHtml(subject)}</code></p>
<table><thead><tr><th>member of data</th><th>type</th><th>meaning</th></tr></thead><tbody>
${Object.entries<TSchema>(data.properties).map(([name, schema]) => `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(typeOf(schema))}</td><td>${escapeHtml(schema.description ?? '')}</td></tr>`).join('\n')}
</tbody></table></section>`
}

function typeOf (schema: TSchema): string {
  if (Array.isArray(schema.anyOf)) return (schema.anyOf as TSchema[]).map((member) => member.const === undefined ? typeOf(member) : JSON.stringify(member.const)).join(' | ')
  return schema.const === undefined ? String(schema.type) : JSON.stringify(schema.const)
}
