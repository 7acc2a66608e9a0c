import { html, useState } from '/lib/preact.js'
import { Chart } from '../parts/chart.js'
import { Confirm } from '../parts/confirm.js'
import { bytes, duration, ms, rate } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { send } from '../parts/send.js'
import { Status } from '../parts/table.js'

const KEPT_SECONDS = 900

export function Overview () {
  const [about, setAbout] = useState({ advice: {}, history: {} })
  const [processes, setProcesses] = useState([])
  const [servers, setServers] = useState([])
  const [history, setHistory] = useState({})
  const isLive = useLive('/api/overview', {
    about (next) {
      setAbout(next)
      setHistory(next.history)
    },
    processes (next) {
      setProcesses(next)
      setHistory((before) => withLatest(before, next))
    },
    servers: setServers
  })
  const amiss = processes.flatMap(({ name, status, checks }) =>
    status === 'gone'
      ? [{ key: name, title: `${name} does not answer`, todo: 'Look at its log; restart it.' }]
      : checks
        .filter((check) => check.status !== 'up')
        .map((check) => ({
          key: `${name} ${check.name}`,
          title: `${name}: ${check.name} is ${check.status}`,
          detail: check.detail,
          todo: about.advice[check.name]?.todo
        }))
  )
  return html` <div class="title">
      <h1>Overview</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    ${
      amiss.length > 0 &&
      html`<section class="amiss" aria-label="What is amiss">
        ${amiss.map(
          ({ key, title, detail, todo }) =>
            html`<div key=${key} class="advice" role="status">
              <strong>${title}</strong>${detail && html` <span>– ${detail}</span>`}
              ${todo && html`<div class="todo">What to do: ${todo}</div>`}
            </div>`
        )}
      </section>`
    }
    <div class="processes">
      ${processes.map(
        (process) =>
          html`<${Process}
            key=${process.name}
            process=${process}
            points=${history[process.name] ?? []}
            canRestart=${about.canRestart}
          />`
      )}
    </div>
    <h2>Servers</h2>
    <ul class="servers">
      ${servers.map(
        ({ name, status, detail }) =>
          html` <li key=${name}>
            <${Status} value=${status} /> <strong>${name}</strong> <span class="soft">${detail}</span>
          </li>`
      )}
    </ul>
    ${
      about.publicUrl &&
      html`<p class="soft">
        Documents: ${' '}<a href="${about.publicUrl}/docs" target="_blank" rel="noopener">API reference</a>, ${' '}<a
          href="${about.publicUrl}/docs/events"
          target="_blank"
          rel="noopener"
          >events</a
        >, ${' '}<a href="${about.publicUrl}/openapi.json" target="_blank" rel="noopener">OpenAPI</a>, ${' '}<a
          href="${about.publicUrl}/asyncapi.json"
          target="_blank"
          rel="noopener"
          >AsyncAPI</a
        >
      </p>`
    }`
}

function withLatest (history, processes) {
  const next = { ...history }
  for (const { name, now } of processes) {
    const points = history[name] ?? []
    if (!now || points.at(-1)?.at === now.at) continue
    next[name] = [...points, now].filter(({ at }) => at > now.at - KEPT_SECONDS)
  }
  return next
}

function Process ({ process, points, canRestart }) {
  const { name, status, checks, node, startedAt, now } = process
  const times = points.map(({ at }) => at)
  const series = (member) => points.map((point) => point[member])
  return html`<article class="card process">
    <header>
      <h2>${name}</h2>
      <${Status} value=${status} />
      ${canRestart && html`<${Restart} name=${name} />`}
    </header>
    <dl class="numbers">
      <div>
        <dt>requests/s</dt>
        <dd>${rate(now?.perSecond)}</dd>
      </div>
      <div>
        <dt>errors/s</dt>
        <dd class=${now?.errorsPerSecond > 0 ? 'bad' : ''}>${rate(now?.errorsPerSecond)}</dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>${now?.p50 == null ? '–' : ms(now.p50 * 1000)}</dd>
      </div>
      <div>
        <dt>p99</dt>
        <dd>${now?.p99 == null ? '–' : ms(now.p99 * 1000)}</dd>
      </div>
      <div>
        <dt>memory</dt>
        <dd>${now ? bytes(now.memory) : '–'}</dd>
      </div>
      <div>
        <dt>up for</dt>
        <dd>${startedAt ? duration(Date.now() - startedAt) : '–'}</dd>
      </div>
    </dl>
    <div class="charts">
      <${Chart}
        label="Requests of ${name}"
        times=${times}
        format=${rate}
        series=${[
          { label: 'requests/s', tone: '--accent', values: series('perSecond'), fill: true },
          { label: 'errors/s', tone: '--bad', values: series('errorsPerSecond') }
        ]}
      />
      <${Chart}
        label="Durations of ${name}"
        times=${times}
        format=${(value) => ms(value * 1000)}
        series=${[
          { label: 'p99', tone: '--warn', values: series('p99') },
          { label: 'p50', tone: '--good', values: series('p50') }
        ]}
      />
    </div>
    <ul class="checks" aria-label="Checks of ${name}">
      ${checks.map(
        (check) =>
          html`<li key=${check.name}>
            <span class="dot ${check.status}" aria-hidden="true"></span>${check.name}
          ${check.status !== 'up' && html` <strong>${check.status}</strong>`}
          </li>`
      )}
    </ul>
    <p class="soft version">Node ${node}</p>
  </article>`
}

function Restart ({ name }) {
  const [state, setState] = useState('idle')
  const [fault, setFault] = useState()
  const restart = async () => {
    setState('restarting')
    const { ok, body } = await send('POST', `/api/processes/${name}/restart`)
    setFault(ok ? undefined : body.message)
    setState('idle')
  }
  return html`<div class="restart">
    <button class="quiet" disabled=${state === 'restarting'} onClick=${() => setState('asking')}>
      ${state === 'restarting' ? 'Restarting …' : 'Restart'}
    </button>
    ${fault && html`<span class="bad" role="alert">${fault}</span>`}
    ${
      state === 'asking' &&
      html`<${Confirm}
        title="Restart ${name}?"
        action="Restart"
        onYes=${restart}
        onNo=${() => setState((now) => (now === 'asking' ? 'idle' : now))}
      >
        <p>It finishes what it has begun, ends, and starts again. Calls that come meanwhile are 503.</p>
      <//>`
    }
  </div>`
}
