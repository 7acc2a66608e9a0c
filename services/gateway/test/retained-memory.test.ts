import { queryObjects } from 'node:v8'
import { eventually } from '@gatepost/testing/eventually'
import { retainedBytes } from '@gatepost/testing/retained'
import { expect, test } from 'vitest'
import { Exchange } from '../src/upstreams/exchange.ts'
import { startGateway } from './support/gateway.ts'

const leaks = (retained: Record<string, number>, bytes: number) =>
  Object.entries(retained).filter(([, kept]) => kept > bytes)

test('no table keeps anything of what has come and gone', { timeout: 60_000 }, async () => {
  const retained = await retainedBytes(new URL('./support/table-churns.ts', import.meta.url), 20_000)
  expect(Object.keys(retained).length).toBeGreaterThan(6)
  expect(leaks(retained, 16)).toEqual([]) // less than the smallest thing that could be kept of each turn
})

test('no call, connection or stream keeps anything when it is over', { timeout: 120_000 }, async () => {
  const retained = await retainedBytes(new URL('./support/gateway-churns.ts', import.meta.url), 100)
  // A hundred turns cannot tell less from noise; a request with its answer is several times as much.
  expect(leaks(retained, 1_000)).toEqual([])
})

test('a call that is over is let go: its exchange alone is smaller than what bytes can tell from noise', async () => {
  const gateway = await startGateway()
  try {
    const call = async () => (await gateway.call('/api/posts')).text()
    await call()
    const before = Number(queryObjects(Exchange))
    for (let calls = 0; calls < 50; calls++) await call()
    await eventually(() => expect(Number(queryObjects(Exchange)) - before).toBeLessThan(10))
  } finally {
    await gateway.stop()
  }
})
