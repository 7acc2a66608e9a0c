import { useEffect, useState } from '/lib/preact.js'

const listeners = new Set()
const changed = () => { for (const listener of listeners) listener() }
addEventListener('popstate', changed)

const now = () => ({ path: location.pathname, query: Object.fromEntries(new URLSearchParams(location.search)) })

/** Where the page is, by its own address. */
export function useAddress () {
  const [address, setAddress] = useState(now)
  useEffect(() => {
    const listen = () => setAddress(now())
    listeners.add(listen)
    return () => listeners.delete(listen)
  }, [])
  return address
}

/** Puts a filter into the address, so that it can be shared. */
export function setQuery (query) {
  const given = Object.entries(query).filter(([, value]) => value !== '')
  const text = new URLSearchParams(given).toString()
  history.replaceState(null, '', text === '' ? location.pathname : `?${text}`)
  changed()
}

/** Links of the console change the page in place. */
export function followLinks () {
  const follow = (event) => {
    const link = event.target.closest?.('a[href]')
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
    if (!link || !isPlain || link.target || link.origin !== location.origin || link.hash) return
    event.preventDefault()
    history.pushState(null, '', link.href)
    changed()
    document.getElementById('main').focus({ preventScroll: true })
    scrollTo(0, 0)
  }
  document.addEventListener('click', follow)
  return () => document.removeEventListener('click', follow)
}
