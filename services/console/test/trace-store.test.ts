import { expect, test } from 'vitest'
import { spansOf } from '../src/traces/span.ts'
import { createTraceStore } from '../src/traces/trace-store.ts'

const hex = (number: number, length: number) => number.toString(16).padStart(length, '0')

function exportOf (service: string, spans: object[]) {
  const attributes = [{ key: 'service.name', value: { stringValue: service } }]
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] }
}

const rawSpan = (trace: number, span: number, more: object = {}) => ({
  traceId: hex(trace, 32),
  spanId: hex(span, 16),
  name: 'GET /api/posts',
  kind: 2,
  startTimeUnixNano: '1795959120114123456',
  endTimeUnixNano: '1795959120116623456',
  attributes: [{ key: 'http.response.status_code', value: { intValue: 200 } }],
  ...more
})

test('a span of OTLP is read with its times to the microsecond', () => {
  const { spans } = spansOf(exportOf('gateway', [rawSpan(1, 2, { status: { code: 2, message: 'broken' } })]))
  expect(spans[0]).toMatchObject({
    service: 'gateway',
    kind: 'server',
    start: 1795959120114.123,
    ms: 2.5,
    error: 'broken',
    attributes: { 'http.response.status_code': 200 }
  })
})

test.each([
  { traceId: 'x' },
  { spanId: 7 },
  { startTimeUnixNano: 'soon' },
  { endTimeUnixNano: undefined },
  { traceId: { toString: 1 } }
])('a malformed span is left out, and those beside it are kept: %j', (fault) => {
  const { spans, rejected } = spansOf(exportOf('gateway', [rawSpan(1, 2, fault), rawSpan(1, 3)]))
  expect([spans.length, rejected]).toEqual([1, 1])
})

test.each([undefined, null, 'text', [], {}, { resourceSpans: {} }])('%j is no export', (body) => {
  expect(() => spansOf(body)).toThrow('resourceSpans')
})

test.each([[null], [{ scopeSpans: 7 }], [{ scopeSpans: [{ spans: [null, 7, 'x'] }] }]])(
  'an export full of nothing is none: %j',
  (...resourceSpans) => expect(spansOf({ resourceSpans }).spans).toEqual([])
)

test('texts and attributes of a span are bounded', () => {
  const value = { stringValue: 'x'.repeat(9_000) }
  const attributes = Array.from({ length: 1_000 }, (_, at) => ({ key: `key ${at}`, value }))
  const [span] = spansOf(exportOf('x'.repeat(500), [rawSpan(1, 2, { name: 'n'.repeat(9_000), attributes })])).spans
  expect(JSON.stringify(span).length).toBeLessThan(60_000)
})

test('a flood keeps the newest requests and spans, and no more', () => {
  const store = createTraceStore()
  for (let trace = 1; trace <= 5_000; trace++) {
    store.add(spansOf(exportOf('gateway', [1, 2, 3, 4, 5].map((span) => rawSpan(trace, span)))).spans)
  }
  expect(store.size.traces).toBeLessThanOrEqual(4_000)
  expect(store.size.spans).toBeLessThanOrEqual(20_000)
  const requests = store.requests()
  expect([requests.length, requests[0]!.traceId]).toEqual([2_000, hex(5_000, 32)])
  expect(store.trace(hex(1, 32))).toEqual([])
})

test('a trace that never ends does not push out the others', () => {
  const store = createTraceStore()
  store.add(spansOf(exportOf('gateway', [rawSpan(1, 1)])).spans)
  for (let span = 1; span <= 3_000; span += 1_000) {
    store.add(spansOf(exportOf('posts', Array.from({ length: 1_000 }, (_, at) => rawSpan(2, span + at)))).spans)
  }
  expect([store.trace(hex(1, 32)).length, store.trace(hex(2, 32)).length]).toEqual([1, 500])
})
