import { freePorts } from '@gatepost/local-stack/ports'
import { expect, test } from 'vitest'

test('who asks at the same time is not given the same port', async () => {
  const ports = (await Promise.all(Array.from({ length: 40 }, () => freePorts(50)))).flat()
  expect(new Set(ports).size).toBe(2_000)
})
