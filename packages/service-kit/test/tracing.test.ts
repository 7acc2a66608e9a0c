import { expect, test } from 'vitest'
import { childTraceparent, parseTraceparent } from '../src/tracing.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'

test('a trace is continued with a new span', () => {
  const child = childTraceparent(parseTraceparent(`00-${TRACE}-b7ad6b7169203331-01`))
  expect(child).toMatch(new RegExp(`^00-${TRACE}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`))
})

test('a trace is begun where there is none, each time another', () => {
  const made = new Set(Array.from({ length: 1000 }, () => childTraceparent(undefined)))
  expect(made.size).toBe(1000)
  for (const one of made) expect(parseTraceparent(one)).toBeDefined()
})

test.each(['', 'x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-${TRACE}-${'0'.repeat(16)}-01`, `ff-${TRACE}-b7ad6b7169203331-01`, `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`, `00-${TRACE}-b7ad6b7169203331-01-x`])('%j is not continued', (header) => {
  expect(parseTraceparent(header)).toBeUndefined()
})
