import { html, useEffect, useState } from '/lib/preact.js'

/** Follows a stream of the console while the page is shown; `handlers` by the names of events. */
export function useLive (path, handlers) {
  const [isLive, setLive] = useState(true)
  useEffect(() => {
    document.title = `${document.querySelector('h1')?.textContent ?? 'Console'} · Gatepost`
    const source = new EventSource(path)
    source.onopen = () => setLive(true)
    source.onerror = () => setLive(false)
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, ({ data }) => handle(JSON.parse(data)))
    }
    return () => source.close()
  }, [path])
  return isLive
}

/** Says when what is shown is no longer live. */
export function Liveness ({ isLive }) {
  return isLive
    ? html`<span class="live">live</span>`
    : html`<span class="live lost" role="status"
        >not connected; what is shown is old. If the console was started anew, open its link</span
      >`
}
