import { html, useState } from '/lib/preact.js'
import { Confirm } from '../parts/confirm.js'
import { ago, clock } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { send } from '../parts/send.js'
import { Table } from '../parts/table.js'

export function Sessions () {
  const [{ administrator, sessions, refused = [] }, setShown] = useState({})
  const isLive = useLive('/api/sessions', { sessions: setShown })
  return html` <div class="title">
      <h1>Sessions and limits</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    ${
      administrator
        ? html`<p class="soft">Sessions are ended in the name of <strong>${administrator}</strong>.</p>`
        : html`<${Login} />`
    }
    <h2>Who is logged in</h2>
    ${sessions === null && html`<p class="warn">The console has no access to auth’s database now.</p>`}
    <${Table}
      label="Sessions"
      empty="Nobody is logged in."
      head=${['user', 'since', 'last used', 'from', 'with', 'action']}
    >
      ${sessions?.map((session) => html`<${Session} key=${session.id} session=${session} canEnd=${administrator} />`)}
    <//>
    <h2>Clients that are refused</h2>
    <p class="soft">Out of the traced requests that the console still has.</p>
    <${Table}
      label="Refused clients"
      empty="No request was refused by a limit."
      head=${['client', 'limit', 'requests', 'last', 'user']}
    >
      ${refused.map(
        (one) =>
          html`<tr key=${one.client + one.limit}>
            <td><code>${one.client}</code></td>
            <td>${one.limit}</td>
            <td class="number">${one.count}</td>
            <td class="nowrap">${clock(one.last)}</td>
            <td>
              ${one.userId && html`<a href="/requests?user=${one.userId}"><code>${one.userId.slice(-12)}</code></a>`}
            </td>
          </tr>`
      )}
    <//>`
}

function Session ({ session, canEnd }) {
  const [asking, setAsking] = useState(false)
  const [fault, setFault] = useState()
  const end = async () => {
    setAsking(false)
    const { ok, body } = await send('DELETE', `/api/sessions/${session.userId}/${session.id}`)
    setFault(ok ? undefined : body.message)
  }
  return html`<tr class=${session.endedAt ? 'ended' : ''}>
    <td>
      <strong>${session.displayName}</strong>${session.role === 'admin' && html` <span class="chip">admin</span>`}<br />
      <span class="soft">${session.email}</span>
    </td>
    <td class="nowrap">${ago(session.createdAt)}</td>
    <td class="nowrap">${ago(session.lastUsedAt)}</td>
    <td><code>${session.ipAddress}</code></td>
    <td class="agent">${session.userAgent}</td>
    <td>
      ${
        session.endedAt
          ? html`<span class="soft">ended (${session.endReason}): its calls are 401.</span>${' '}
          <a href="/requests?user=${session.userId}">requests</a>`
          : html`<button class="quiet" disabled=${!canEnd} onClick=${() => setAsking(true)}>
              End<span class="hidden"> the session of ${session.displayName}</span>
            </button>`
      }
      ${fault && html`<span class="bad" role="alert">${fault}</span>`}
      ${
        asking &&
        html`<${Confirm}
          title="End this session of ${session.displayName}?"
          action="End it"
          isDangerous
          onYes=${end}
          onNo=${() => setAsking(false)}
        >
          <p>
            Its access token is 401 at every gateway within a second, and its refresh token is dead. Other sessions of
            the user go on.
          </p><//
        >`
      }
    </td>
  </tr>`
}

function Login () {
  const [fault, setFault] = useState()
  const login = async (event) => {
    event.preventDefault()
    const { ok, body } = await send('POST', '/api/administrator', Object.fromEntries(new FormData(event.target)))
    setFault(ok ? undefined : body.message)
  }
  return html`<form class="filters card" onSubmit=${login}>
    <p>To end sessions, log in as an administrator. In the embedded run <code>pnpm admin</code> makes one.</p>
    <label>E-mail <input name="email" type="email" autocomplete="username" required /></label>
    <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
    <button class="primary">Log in</button>
    ${fault && html`<span class="bad" role="alert">${fault}</span>`}
  </form>`
}
