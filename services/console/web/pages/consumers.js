import { html, useState } from '/lib/preact.js'
import { bytes, date, duration, plural } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { Status, Table } from '../parts/table.js'

export function Consumers () {
  const [{ standing, trouble }, setShown] = useState({})
  const isLive = useLive('/api/consumers', { standing: setShown })
  const quarantined =
    standing?.outboxes.flatMap(({ service, quarantined: all }) => all.map((event) => ({ service, ...event }))) ?? []
  return html` <div class="title">
      <h1>Consumers and outboxes</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    ${trouble && html`<p class="warn" role="status">${trouble}</p>`}
    ${standing && html`<p class="soft">
      The stream has ${standing.stream.messages.toLocaleString('en')} events, ${bytes(standing.stream.bytes)}.
    </p>`}
    <h2>Consumers</h2>
    <${Table}
      label="Consumers"
      empty="–"
      head=${['consumer', 'of', 'reads', 'state', 'not delivered', 'not acknowledged', 'redelivered', 'lag']}
    >
      ${standing?.consumers.map(
        (one) =>
          html`<tr key=${one.name}>
            <td><strong>${one.name}</strong></td>
            <td>${one.service}</td>
            <td><code>${one.filter}</code></td>
            <td><${Status} value=${one.missing ? 'missing' : one.pending + one.inFlight > 0 ? 'behind' : 'up'} /></td>
            <td class="number">${one.pending}</td>
            <td class="number">${one.inFlight}</td>
            <td class="number">${one.redelivered}</td>
            <td class="number">${one.lag}</td>
          </tr>`
      )}
    <//>
    <h2>Outboxes</h2>
    <${Table}
      label="Outboxes"
      empty="The console was given no database with an outbox."
      head=${['service', 'waiting', 'oldest', 'in quarantine']}
    >
      ${standing?.outboxes.map(
        (one) =>
          html`<tr key=${one.service}>
            <td><strong>${one.service}</strong></td>
            <td class="number">${one.waiting}</td>
            <td>${one.oldestSeconds == null ? '–' : duration(one.oldestSeconds * 1000)}</td>
            <td class="number">${one.quarantined.length}</td>
          </tr>`
      )}
    <//>
    ${
      quarantined.length > 0 &&
      html` <h2>In quarantine</h2>
        <p class="soft">
          The stream refused these for good; <code>pnpm events quarantine</code> releases or skips them.
        </p>
        <${Table} label="Events in quarantine" head=${['event', 'type', 'since', 'waiting behind it', 'cause']}>
          ${quarantined.map(
            (one) =>
              html`<tr key=${one.eventId}>
                <td><code>${one.eventId}</code></td>
                <td><code>${one.type}</code></td>
                <td class="nowrap">${date(one.since)}</td>
                <td>${plural(one.behind, 'event')}</td>
                <td>${one.error}</td>
              </tr>`
          )}
        <//>`
    }`
}
