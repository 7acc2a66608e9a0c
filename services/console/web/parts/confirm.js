import { html, useEffect, useRef } from '/lib/preact.js'

/** Asks before something is done, and says what will be. */
export function Confirm ({ title, children, action, onYes, onNo, isDangerous }) {
  const dialog = useRef()
  useEffect(() => dialog.current.showModal(), [])
  return html`<dialog ref=${dialog} aria-labelledby="confirm-title" onClose=${onNo} onCancel=${onNo}>
    <h2 id="confirm-title">${title}</h2>
    <div>${children}</div>
    <div class="buttons">
      <button class=${isDangerous ? 'danger' : 'primary'} onClick=${onYes}>${action}</button>
      <button class="quiet" onClick=${onNo}>Cancel</button>
    </div>
  </dialog>`
}
