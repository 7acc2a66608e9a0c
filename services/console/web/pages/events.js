import { html, useState } from '/lib/preact.js'
import { setQuery, useAddress } from '../parts/address.js'
import { clock } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { Table } from '../parts/table.js'

const KEPT = 500
const SHOWN = 200

export function Events () {
  const { query } = useAddress()
  const [rows, setRows] = useState([])
  const [skipped, setSkipped] = useState(0)
  const isLive = useLive('/api/events', {
    events ({ rows: more, skipped: passed }) {
      setRows((before) =>
        [...more.reverse(), ...before.filter(({ sequence }) => sequence < more.at(-1).sequence)].slice(0, KEPT)
      )
      setSkipped((before) => before + passed)
    }
  })
  const { type = '', subject = '' } = query
  const found = rows.filter((row) => row.type.includes(type) && row.subject.includes(subject))
  const filter =
    (name) =>
      ({ target }) =>
        setQuery({ ...query, [name]: target.value.trim() })
  return html` <div class="title">
      <h1>Events</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <label>Type <input value=${type} onInput=${filter('type')} placeholder="posts.post-created" /></label>
      <label
        >Subject <input value=${subject} onInput=${filter('subject')} placeholder="an aggregate's id" size="36"
      /></label>
    </form>
    <p class="soft" role="status">
      ${found.length} of the newest ${' '}${rows.length}.
      ${skipped > 0 && html`<span> ${skipped} passed too fast to be listed; the stream has them.</span>`}
    </p>
    <${Table}
      label="Events"
      empty="No event yet: register an account or write a post."
      head=${['sequence', 'time', 'type', 'aggregate', 'version', 'trace']}
    >
      ${found.slice(0, SHOWN).map(
        (row) =>
          html`<tr key=${row.sequence}>
            <td class="number"><a href="/events/${row.sequence}">${row.sequence}</a></td>
            <td class="nowrap">${clock(row.time)}</td>
            <td><code>${row.type}</code></td>
            <td><code>${row.subject}</code></td>
            <td class="number">${row.version}</td>
            <td>
              ${row.traceId && html`<a href="/traces/${row.traceId}">
                trace<span class="hidden"> of event ${row.sequence}</span></a>`}
            </td>
          </tr>`
      )}
    <//>`
}
