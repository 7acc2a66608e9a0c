export function ms (value) {
  if (value == null) return '–'
  if (value < 1) return `${value.toFixed(2)} ms`
  if (value < 10) return `${value.toFixed(1)} ms`
  if (value < 1000) return `${Math.round(value)} ms`
  return value < 60_000 ? `${(value / 1000).toFixed(2)} s` : duration(value)
}

export function duration (value) {
  const seconds = Math.max(0, Math.round(value / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

export const ago = (time) => (time ? `${duration(Date.now() - new Date(time))} ago` : '–')

export const clock = (time) => new Date(time).toLocaleTimeString('en-GB', { hour12: false })

export const date = (time) => new Date(time).toISOString().replace('T', ' ').slice(0, 19)

export const rate = (value) =>
  value == null ? '–' : value >= 10 ? Math.round(value).toLocaleString('en') : value.toFixed(1)

export const bytes = (value) =>
  value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} MB`

export const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`

/** The beginning of an id, which is enough to tell it from others on a page. */
export const short = (id) => (id ? id.slice(-12) : '')
