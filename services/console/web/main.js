import { html, render, useEffect, useState } from '/lib/preact.js'
import { followLinks, useAddress } from './parts/address.js'
import { Consumers } from './pages/consumers.js'
import { DeadLetters } from './pages/dead-letters.js'
import { EventPage } from './pages/event.js'
import { Events } from './pages/events.js'
import { Mail } from './pages/mail.js'
import { Overview } from './pages/overview.js'
import { Requests } from './pages/requests.js'
import { Sessions } from './pages/sessions.js'
import { Trace } from './pages/trace.js'
import { send } from './parts/send.js'

const PAGES = [
  { path: '/', title: 'Overview', page: Overview },
  { path: '/requests', title: 'Requests', page: Requests },
  { path: '/events', title: 'Events', page: Events },
  { path: '/consumers', title: 'Consumers', page: Consumers },
  { path: '/dead-letters', title: 'Dead letters', page: DeadLetters },
  { path: '/mail', title: 'Mail', page: Mail },
  { path: '/sessions', title: 'Sessions', page: Sessions }
]

/** The page of a path, with the part of the path that names a thing. */
function pageOf (path) {
  const [, folder, id] = path.split('/')
  if (folder === 'traces' && id) return { page: Trace, section: '/requests', id }
  if (folder === 'events' && id) return { page: EventPage, section: '/events', id }
  if (folder === 'mail' && id) return { page: Mail, section: '/mail', id }
  const known = PAGES.find((page) => page.path === path) ?? PAGES[0]
  return { page: known.page, section: known.path }
}

function App () {
  const { path } = useAddress()
  const { page, section, id } = pageOf(path)
  useEffect(() => followLinks(), [])
  return html`
    <a class="skip" href="#main">Skip to the content</a>
    <header class="top">
      <a class="brand" href="/"><img src="/web/icon.svg" alt="" width="24" height="24" /> Gatepost</a>
      <nav aria-label="Pages">
        ${PAGES.map(({ path, title }) => html`
          <a href=${path} aria-current=${path === section ? 'page' : undefined}>${title}</a>`)}
        <a href="/docs" target="_blank" rel="noopener">Docs<span class="hidden"> in a new tab</span></a>
      </nav>
      <${Invitation} />
    </header>
    <main id="main" tabindex="-1"><${page} key=${path} id=${id} /></main>`
}

/** Another browser is let in by a link of its own. */
function Invitation () {
  const [link, setLink] = useState()
  const invite = async () => setLink((await send('POST', '/api/links')).body?.url)
  return html`<div class="invitation">
    <button class="quiet" onClick=${invite} title="Lets another browser in">New link</button>
    ${link && html`<output class="notice"><code>${link}</code> works once, within five minutes.</output>`}
  </div>`
}

render(html`<${App} />`, document.getElementById('app'))
