import { expect, test } from 'vitest'
import { childTraceparent, parseTraceparent, tracestateOf } from '../src/tracing.ts'

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

test.each([
  '',
  'x',
  `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `ff-${TRACE}-b7ad6b7169203331-01`,
  `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`,
  `00-${TRACE}-b7ad6b7169203331-01-x`
])('%j is not continued', (header) => {
  expect(parseTraceparent(header)).toBeUndefined()
})

const PARENT = `00-${TRACE}-b7ad6b7169203331-01`
const members = (count: number) => Array.from({ length: count }, (_, n) => `k${n}=v`).join(',')
test.each([
  ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
  ['a=1 , b=2,,\tc=3', 'a=1,b=2,c=3'],
  ['fw529a3039@dt=FfAAAAABIQ,1x_y-z*/@t= a b', 'fw529a3039@dt=FfAAAAABIQ,1x_y-z*/@t= a b'],
  [members(32), members(32)],
  [`a=${'~'.repeat(256)}`, `a=${'~'.repeat(256)}`]
])('the tracestate %j is passed on', (tracestate, expected) => {
  expect(tracestateOf({ traceparent: PARENT, tracestate })).toBe(expected)
})

test.each([
  '',
  ',',
  'a',
  'a=',
  '=b',
  'A=b',
  'a=b=c',
  'a=1,a=2',
  'a=ü',
  'a=\u0001',
  'a b=c',
  members(33),
  `a=${'b'.repeat(257)}`,
  `${'k'.repeat(257)}=v`,
  `a=${'b'.repeat(250)},c=${'d'.repeat(250)},e=fffffff`,
  'a=1,junk'
])('the tracestate %j is dropped', (tracestate) => {
  expect(tracestateOf({ traceparent: PARENT, tracestate })).toBeUndefined()
})

test.each([undefined, 'x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])(
  'a tracestate without the trace that it belongs to is dropped: %s',
  (traceparent) => {
    expect(tracestateOf({ traceparent, tracestate: 'a=b' })).toBeUndefined()
  }
)
