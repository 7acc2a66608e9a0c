import { userDeleted } from '@gatepost/contracts/auth/events'
import { parseTraceparent } from '@gatepost/service-kit/tracing'
import { expect, test } from 'vitest'
import { outboxRow } from '../src/outbox.ts'
import { uuidv7 } from './support/stage.ts'

const traceOf = (traceparent?: string) =>
  parseTraceparent(outboxRow(userDeleted, { data: { userId: uuidv7() }, aggregateVersion: 3, traceparent }).event
    .traceparent)

test('an event carries the trace of what led to it', () => {
  expect(traceOf('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')).toMatchObject({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331'
  })
})

test('an event that no request and no event led to begins a trace', () => {
  expect(traceOf()?.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(traceOf()?.traceId).not.toBe(traceOf()?.traceId)
})
