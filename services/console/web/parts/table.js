import { html } from '/lib/preact.js'

/** A table that scrolls by itself where the window is narrow. `rows` are lists of cells. */
export function Table ({ label, head, children, empty }) {
  const isEmpty = !children || children.length === 0
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead><tr>${head.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
      <tbody>${isEmpty ? html`<tr><td class="empty" colspan=${head.length}>${empty}</td></tr>` : children}</tbody>
    </table>
  </div>`
}

export function Status ({ value }) {
  return html`<span class="status ${value}">${value}</span>`
}

const KIND = (status) => status >= 500 ? 'bad' : status >= 400 ? 'warn' : 'good'

export function HttpStatus ({ value }) {
  return html`<span class="http ${KIND(value)}">${value || '…'}</span>`
}
