import { html, useState } from '/lib/preact.js'
import { ms, plural } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { createScale, rowsOf } from '../parts/waterfall.js'

export function Trace ({ id }) {
  const [trace, setTrace] = useState()
  const isLive = useLive(`/api/traces/${id}`, { trace: setTrace })
  const spans = trace?.spans ?? []
  return html` <div class="title">
      <h1>Trace</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    <p class="soft"><a href="/requests">Requests</a> / <code>${id}</code></p>
    ${trace && spans.length === 0 && html`<p role="status">
      No span of this trace is known: it is too old, was not sampled, or is still on its way.
    </p>`}
    ${spans.length > 0 && html`<${Waterfall} spans=${spans} />`}
    ${trace?.events.map((event) => html`<${EventState} key=${event.eventId} event=${event} />`)}`
}

function Waterfall ({ spans }) {
  const [opened, setOpened] = useState()
  const rows = rowsOf(spans)
  const scale = createScale(rows)
  const first = spans.find(({ kind }) => kind === 'server') ?? spans[0]
  const services = new Set(spans.map(({ service }) => service))
  return html` <p>
      <strong>${first.name}</strong> ${' '}<span class="soft"
        >– ${plural(spans.length, 'span')} of ${[...services].join(', ')}, ${' '}${ms(scale.total)} from the first to
        the last${scale.isCut ? '; waits are drawn shorter than they were' : ''}</span
      >
    </p>
    <ol class="waterfall" aria-label="Spans, in the order of their beginnings">
      ${rows.map(
        ({ span, depth, label, wait, what }) =>
          html` <li key=${span.spanId} class="row ${span.error ? 'failed' : ''}">
            <button
              aria-expanded=${opened === span.spanId}
              onClick=${() => setOpened(opened === span.spanId ? undefined : span.spanId)}
            >
              <span class="name" style=${{ paddingLeft: `${depth * 0.9}rem` }}>
                <span class="chip ${span.service}">${span.service}</span>${' '}
                ${what && html`<span class="soft">${what} </span>`}${label}</span
              >
              <span class="took">${ms(span.ms)}</span>
              <span class="lane" aria-hidden="true">
                ${wait && html`<span class="wait" style=${scale.place(wait.start, wait.end)}></span>`}
                <span
                  class="bar ${span.kind} ${span.service}"
                  style=${scale.place(span.start, span.start + span.ms)}
                ></span>
              </span>
              ${wait && wait.end - wait.start >= 0.1 && html`<span class="waited">
                waited ${ms(wait.end - wait.start)} ${wait.where}</span>`}
            </button>
            ${span.error && html`<p class="bad">${span.error}</p>`}
            ${opened === span.spanId && html`<${Details} span=${span} from=${scale.start} />`}
          </li>`
      )}
    </ol>`
}

function Details ({ span, from }) {
  return html`<dl class="details">
    <div>
      <dt>begins after</dt>
      <dd>${ms(span.start - from)}</dd>
    </div>
    <div>
      <dt>kind</dt>
      <dd>${span.kind}</dd>
    </div>
    ${Object.entries(span.attributes).map(
      ([name, value]) =>
        html`<div key=${name}>
          <dt>${name}</dt>
          <dd>
            ${name === 'db.query.text' ? html`<pre tabindex="0">${value}</pre>` : html`<code>${String(value)}</code>`}
          </dd>
        </div>`
    )}
  </dl>`
}

function EventState ({ event }) {
  return html`<section class="card event-state">
    <h2>${event.sequence ? html`<a href="/events/${event.sequence}">${event.type}</a>` : event.type}</h2>
    ${
      event.outbox
        ? html`<p class="warn" role="status"><strong>In the outbox:</strong> ${event.outbox}</p>`
        : html`<p class="soft">In the stream at ${event.sequence}.</p>`
    }
    <ul class="checks">
      ${event.places.map(
        ({ consumer, state, reason }) =>
          html`<li key=${consumer}>
            <span class="dot ${state}" aria-hidden="true"></span
            ><strong>${consumer}</strong> ${state === 'applied' ? '' : state} ${reason}
          </li>`
      )}
    </ul>
  </section>`
}
