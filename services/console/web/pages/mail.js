import { html, useEffect, useState } from '/lib/preact.js'
import { clock } from '../parts/format.js'
import { Liveness, useLive } from '../parts/live.js'

export function Mail ({ id }) {
  const [{ mails = [], hasFolder = true }, setShown] = useState({})
  const isLive = useLive('/api/mails', { mails: setShown })
  const open = mails.find((mail) => mail.id === id)
  return html` <div class="title">
      <h1>Mail</h1>
      <${Liveness} isLive=${isLive} />
    </div>
    ${!hasFolder && html`<p>This system sends its mails; only an embedded run without SMTP_URL keeps them here.</p>`}
    <div class="mail">
      <ul class="mails" aria-label="Mails, newest first">
        ${mails.map(
          (mail) =>
            html`<li key=${mail.id}>
              <a href="/mail/${mail.id}" aria-current=${mail.id === id ? 'true' : undefined}>
                <strong>${mail.subject || mail.kind}</strong><span>${mail.to}</span><time>${clock(mail.at)}</time></a
              >
            </li>`
        )}
        ${hasFolder && mails.length === 0 && html`<li class="empty">No mail yet: register an account.</li>`}
      </ul>
      ${id && html`<${Content} key=${id} id=${id} mail=${open} />`}
    </div>`
}

function Content ({ id, mail }) {
  const [form, setForm] = useState('html')
  const [text, setText] = useState('')
  useEffect(() => {
    fetch(`/mail-content/${id}.txt`)
      .then((answer) => answer.text())
      .then(setText)
  }, [id])
  return html`<article class="card content">
    <header>
      <h2>${mail?.subject ?? 'Mail'}</h2>
      <p class="soft">to ${mail?.to}</p>
      <div class="buttons" role="group" aria-label="Form">
        <button class="quiet" aria-pressed=${form === 'html'} onClick=${() => setForm('html')}>HTML</button>
        <button class="quiet" aria-pressed=${form === 'txt'} onClick=${() => setForm('txt')}>Text</button>
      </div>
    </header>
    ${
      form === 'html'
        ? html`<iframe
            title="The mail as HTML"
            sandbox="allow-popups allow-popups-to-escape-sandbox"
            src="/mail-content/${id}.html"
          ></iframe>`
        : html`<pre tabindex="0" aria-label="The mail as text">${linked(text)}</pre>`
    }
  </article>`
}

function linked (text) {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, index) =>
      index % 2 === 1 ? html`<a href=${part} target="_blank" rel="noopener noreferrer">${part}</a>` : part
    )
}
