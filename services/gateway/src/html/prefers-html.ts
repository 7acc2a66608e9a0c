/** Browsers name HTML, and JSON not at all; a program that takes anything is not meant. */
export function prefersHtml (accept: string) {
  const types = accept.split(',').map((range) => range.trim().toLowerCase())
  return types.some((type) => /^text\/html(?!.*;\s*q=0(?:\.0*)?$)/.test(type)) &&
    !types.some((type) => type.startsWith('application/json'))
}
