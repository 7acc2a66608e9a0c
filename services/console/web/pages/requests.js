import { html, useMemo, useState } from '/lib/preact.js'
import { setQuery, useAddress } from '../parts/address.js'
import { clock, ms, rate, short } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { HttpStatus, Table } from '../parts/table.js'

const KEPT = 2_000
const SHOWN = 200

export function Requests () {
  const { query } = useAddress()
  const [rows, setRows] = useState([])
  const [skipped, setSkipped] = useState(0)
  const [rates, setRates] = useState({})
  const isLive = useLive('/api/requests', {
    all: setRows,
    more ({ rows: more, skipped: passed }) {
      setRows((before) => [...more.reverse(), ...before].slice(0, KEPT))
      if (passed > 0) setSkipped((before) => before + passed)
    },
    rate: setRates
  })
  const found = useMemo(() => rows.filter((row) => matches(row, query)), [rows, query])
  const filter =
    (name) =>
      ({ target }) =>
        setQuery({ ...query, [name]: target.value.trim() })
  const { tracedPerSecond, answeredPerSecond } = rates
  const isSampled = answeredPerSecond > 2 * tracedPerSecond && answeredPerSecond > 20
  return html` <div class="title">
      <h1>Requests</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <label>Route <input value=${query.route ?? ''} onInput=${filter('route')} placeholder="/api/posts" /></label>
      <label
        >Status <input value=${query.status ?? ''} onInput=${filter('status')} placeholder="5xx, 404" size="8"
      /></label>
      <label>User <input value=${query.user ?? ''} onInput=${filter('user')} placeholder="id, or its end" /></label>
      <label>Request id <input value=${query.request ?? ''} onInput=${filter('request')} /></label>
    </form>
    <p class="soft" role="status">
      ${found.length} of the last ${rows.length} traced
      requests${found.length > SHOWN ? `, the newest ${SHOWN} shown` : ''}.
      ${
        isSampled &&
        html` <strong class="warn"
          >Sampled: the gateway answers ${rate(answeredPerSecond)} a second, of which ${rate(tracedPerSecond)} are
          traced.</strong
        >`
      }
      ${skipped > 0 && html` <span>${skipped} came too fast to be listed live.</span>`}
    </p>
    <${Table}
      label="Requests"
      empty="No request yet. Send one, for example: curl http://127.0.0.1:3000/api/posts"
      head=${['time', 'request', 'status', 'took', 'user', 'client', 'request id']}
    >
      ${found.slice(0, SHOWN).map(
        (row) =>
          html`<tr key=${row.traceId + row.start}>
            <td class="nowrap">${clock(row.start)}</td>
            <td class="route">
              <a href="/traces/${row.traceId}"><b>${row.method}</b> ${row.route}</a>
            </td>
            <td>
              <${HttpStatus} value=${row.status} />${row.limit && html` <span class="soft">limit ${row.limit}</span>`}
            </td>
            <td class="nowrap number">${ms(row.ms)}</td>
            <td><code>${short(row.userId)}</code></td>
            <td><code>${row.client}</code></td>
            <td><code>${short(row.requestId)}</code></td>
          </tr>`
      )}
    <//>`
}

function matches (row, { route = '', status = '', user = '', request = '' }) {
  return (
    `${row.method} ${row.route}`.toLowerCase().includes(route.toLowerCase()) &&
    (status === '' || status.split(',').some((one) => statusMatches(row.status, one.trim()))) &&
    (row.userId ?? '').includes(user) &&
    row.requestId.includes(request)
  )
}

function statusMatches (status, wanted) {
  return String(status).startsWith(wanted.toLowerCase().replace(/x+$/, ''))
}
