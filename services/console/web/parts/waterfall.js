/** What a statement does, for those who do not read SQL. */
function purposeOf (text) {
  if (/\boutbox\b/i.test(text) && /insert/i.test(text)) return 'outbox'
  if (/\binbox\b/i.test(text)) return 'inbox'
  return ''
}

function labelOf ({ kind, name, attributes }) {
  const text = attributes['db.query.text']
  if (kind !== 'client' || typeof text !== 'string') return { label: name, what: '' }
  return { label: text.replace(/\s+/g, ' ').trim().slice(0, 160), what: purposeOf(text) }
}

const endOf = (span) => span.start + span.ms

/** Where a span's work waited before it began: in the outbox before the publish, in the stream before the effect. */
function waitOf (span, spans) {
  if (span.kind === 'producer') {
    const stored = spans
      .filter(
        (one) =>
          one.parentSpanId === span.parentSpanId &&
          one.kind === 'client' &&
          /outbox|^commit/i.test(one.attributes['db.query.text'] ?? '') &&
          endOf(one) <= span.start
      )
      .at(-1)
    return stored && { start: endOf(stored), end: span.start, where: 'in the outbox' }
  }
  if (span.kind !== 'consumer') return undefined
  const id = span.attributes['messaging.message.id']
  const before = spans.filter((one) => one.attributes['messaging.message.id'] === id && endOf(one) <= span.start)
  const last = before.filter(({ kind, service }) => kind === 'producer' || service === span.service).at(-1)
  if (!last) return undefined
  const where = last.kind === 'producer' ? 'in the stream' : 'to be tried again'
  return { start: endOf(last), end: span.start, where }
}

/** The spans as a tree, depth first, each after what it hangs on. */
export function rowsOf (spans) {
  const known = new Set(spans.map(({ spanId }) => spanId))
  const rows = []
  const visit = (span, depth) => {
    rows.push({ span, depth, wait: waitOf(span, spans), ...labelOf(span) })
    for (const child of spans) if (child.parentSpanId === span.spanId) visit(child, depth + 1)
  }
  for (const span of spans) if (!known.has(span.parentSpanId)) visit(span, 0)
  return rows
}

/** No rest is drawn longer than this part of all work. */
const LONGEST_REST = 0.25

/** Places times on a line; a rest in which nothing ran is cut, so that a late effect does not squeeze all else. */
export function createScale (rows) {
  const busy = rows.map(({ span }) => [span.start, endOf(span)]).sort(([a], [b]) => a - b)
  const start = busy[0][0]
  const end = Math.max(...busy.map(([, until]) => until))
  const stretches = []
  for (const [from, until] of busy) {
    const last = stretches.at(-1)
    if (last && from <= last.until) last.until = Math.max(last.until, until)
    else stretches.push({ from, until })
  }
  const work = stretches.reduce((sum, { from, until }) => sum + until - from, 0)
  const longest = Math.max(work * LONGEST_REST, 0.5)
  let at = 0
  let isCut = false
  stretches.forEach((stretch, index) => {
    const rest = index === 0 ? 0 : stretch.from - stretches[index - 1].until
    isCut ||= rest > longest
    at += Math.min(rest, longest)
    stretch.at = at
    at += stretch.until - stretch.from
  })
  const length = at || 1
  const positionOf = (time) => {
    const index = stretches.findLastIndex(({ from }) => from <= time)
    const { from, until, at } = stretches[Math.max(0, index)]
    const next = stretches[index + 1]
    if (time <= until || !next) return at + Math.min(time, until) - from
    return at + (until - from) + ((next.at - at - (until - from)) * (time - until)) / (next.from - until)
  }
  return {
    start,
    total: end - start,
    isCut,
    place (from, until) {
      const left = positionOf(from) / length
      const width = Math.max(0.003, positionOf(until) / length - left)
      return { left: `${Math.min(99.5, left * 100)}%`, width: `${Math.min(width, 1 - left) * 100}%` }
    }
  }
}
