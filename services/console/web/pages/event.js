import { html, useState } from '/lib/preact.js'
import { date } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { Table } from '../parts/table.js'

export function EventPage ({ id }) {
  const [{ event: view, trouble }, setShown] = useState({})
  const isLive = useLive(`/api/events/${id}`, { event: setShown })
  return html` <div class="title">
      <h1>Event ${id}</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    <p class="soft"><a href="/events">Events</a> / ${id}</p>
    ${trouble && html`<p class="warn" role="status">${trouble}</p>`}
    ${view === null && html`<p role="status">The stream has no event ${id}: it is not there yet, or it is erased.</p>`}
    ${view && html`<${Found} view=${view} />`}`
}

function Found ({ view: { event, places, history, sequence } }) {
  const traceId = event.traceparent?.slice(3, 35)
  return html` <p>
      <code>${event.type}</code>, version ${event.aggregateversion} of ${' '}<code>${event.subject}</code>
      ${traceId && html`<span>, made in <a href="/traces/${traceId}">this trace</a></span>`}
    </p>
    <h2>Where it is</h2>
    <ul class="checks">
      <li><span class="dot up" aria-hidden="true"></span><strong>stream</strong> at ${sequence}</li>
      ${places.map(
        ({ consumer, state, reason, deadLetter }) =>
          html`<li key=${consumer}>
            <span class="dot ${state}" aria-hidden="true"></span
            ><strong>${consumer}</strong> ${' '}${state === 'waits' ? 'waits ' : ''}${reason}
            ${deadLetter && html`<span> <a href="/dead-letters">dead letters</a></span>`}
          </li>`
      )}
    </ul>
    <h2>The event</h2>
    <pre tabindex="0" aria-label="The event as JSON">${JSON.stringify(event, null, 2)}</pre>
    <h2>Its aggregate</h2>
    <${Table}
      label="Events of the aggregate"
      head=${['version', 'type', 'time', 'sequence']}
      empty="The owner's outbox keeps no event of this aggregate any more."
    >
      ${history.map(
        (row) =>
          html`<tr key=${row.eventId}>
            <td class="number">${row.version}</td>
            <td><code>${row.type}</code></td>
            <td class="nowrap">${date(row.time)}</td>
            <td class="number">
              ${row.sequence ? html`<a href="/events/${row.sequence}">${row.sequence}</a>` : 'in the outbox'}
            </td>
          </tr>`
      )}
    <//>`
}
