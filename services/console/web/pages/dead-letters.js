import { html, useState } from '/lib/preact.js'
import { Confirm } from '../parts/confirm.js'
import { date, plural } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'
import { send } from '../parts/send.js'
import { Table } from '../parts/table.js'

const SHOWN = 50

export function DeadLetters () {
  const [{ letters, trouble }, setShown] = useState({})
  const [outcomes, setOutcomes] = useState()
  const isLive = useLive('/api/dead-letters', { letters: setShown })
  const listed = letters?.groups.reduce((sum, group) => sum + group.letters.length, 0) ?? 0
  return html` <div class="title">
      <h1>Dead letters</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    <p class="soft">
      Events that a consumer could not apply, by consumer and cause. Heal the cause first, then replay.
    </p>
    ${trouble && html`<p class="warn" role="status">${trouble}</p>`}
    ${outcomes && html`<${Outcomes} outcomes=${outcomes} />`}
    ${letters && letters.total === 0 && html`<p class="good" role="status">None: every event was applied.</p>`}
    ${letters?.total > listed && html`<p class="soft">The newest ${listed} of ${letters.total} are shown.</p>`}
    ${letters?.groups.map((group) => html`<${Group} key=${group.key} group=${group} onDone=${setOutcomes} />`)}`
}

function Outcomes ({ outcomes }) {
  const failed = outcomes.filter(({ done }) => !done)
  const counts = Map.groupBy(outcomes, ({ outcome }) => outcome)
  return html`<p class="notice" role="status">
    <strong>${outcomes.length - failed.length} of ${plural(outcomes.length, 'letter')} done.</strong>
    ${' '}${[...counts].map(([outcome, some]) => `${some.length} × ${outcome}`).join('; ')}
  </p>`
}

function Group ({ group: { consumer, cause, letters }, onDone }) {
  const numbers = letters.map(({ number }) => number)
  return html`<section class="card group">
    <header>
      <div>
        <h2>${consumer}: ${plural(letters.length, 'letter')}</h2>
        <p class="cause"><code>${cause}</code></p>
      </div>
      <${Actions}
        numbers=${numbers}
        consumer=${consumer}
        name=${letters.length === 1 ? 'it' : `all ${letters.length}`}
        onDone=${onDone}
      />
    </header>
    <${Table}
      label="Dead letters of ${consumer}"
      head=${['number', 'event', 'aggregate', 'failed at', 'deliveries', 'action']}
    >
      ${letters.slice(-SHOWN).map(
        (letter) =>
          html`<tr key=${letter.number}>
            <td class="number">${letter.number}</td>
            <td>
              <a href="/events/${letter.sequence}"><code>${letter.type}</code></a>
              ${letter.version && ` v${letter.version}`}
            </td>
            <td><code>${letter.aggregate}</code></td>
            <td class="nowrap">${date(letter.failedAt)}</td>
            <td class="number">${letter.deliveries}</td>
            <td>
              ${letters.length > 1 && html`<${Actions}
                numbers=${[letter.number]} consumer=${consumer} name="number ${letter.number}" onDone=${onDone}
              />`}
            </td>
          </tr>`
      )}
    <//>
  </section>`
}

function Actions ({ numbers, consumer, name, onDone }) {
  const [asking, setAsking] = useState()
  const act = async (action) => {
    setAsking(undefined)
    const { ok, body } = await send('POST', `/api/dead-letters/${action}`, { numbers })
    onDone(ok ? body.outcomes : [{ done: false, outcome: body.message }])
  }
  return html`<div class="buttons">
    <button class="primary" onClick=${() => setAsking('replay')}>Replay ${name}</button>
    <button class="quiet" onClick=${() => setAsking('drop')}>Drop ${name}</button>
    ${
      asking === 'replay' &&
      html`<${Confirm}
        title="Replay ${plural(numbers.length, 'event')}?"
        action="Replay"
        onYes=${() => act('replay')}
        onNo=${() => setAsking(undefined)}
      >
        <p>
          A running replica of <strong>${consumer}</strong> handles ${' '}
          ${numbers.length === 1 ? 'the event' : 'each of them, in the stream’s order,'} again. What is applied is
          removed from here; what fails again stays.
        </p><//
      >`
    }
    ${
      asking === 'drop' &&
      html`<${Confirm}
        title="Drop ${plural(numbers.length, 'event')}?"
        action="Drop for good"
        isDangerous
        onYes=${() => act('drop')}
        onNo=${() => setAsking(undefined)}
      >
        <p>
          <strong>${consumer}</strong> will never apply ${numbers.length === 1 ? 'this event' : 'these events'}; later
          events of the same aggregate wait for what is missing. The stream of events keeps its copy. This cannot be
          undone.
        </p><//
      >`
    }
  </div>`
}
