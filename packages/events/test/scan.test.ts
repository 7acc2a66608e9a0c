import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Operator } from '../src/operator.ts'
import { scan } from '../src/scan.ts'
import { setStage, type Stage } from './support/stage.ts'

let stage: Stage
let operator: Operator
beforeEach(async () => {
  stage = await setStage()
  operator = await stage.connectOperator()
})
afterEach(() => stage.close())

const SUBJECT = 'events.posts.post-created.v1'
/** More than the server sends ahead. */
const MESSAGES = 1_500

async function publishMany () {
  await Promise.all(Array.from({ length: MESSAGES }, () => operator.js.publish(SUBJECT, 'text')))
}

test.each([undefined, 'events.posts.>'])('a scan of %s ends although its end is erased meanwhile', async (filter) => {
  await publishMany()
  const seen: number[] = []
  for await (const { seq } of scan(operator, { filter, idleMs: 1_000 })) {
    seen.push(seq)
    if (seq !== 1) continue
    for (let last = MESSAGES; last > MESSAGES - 5; last--) {
      await operator.jsm.streams.deleteMessage('EVENTS', last, true)
    }
  }
  expect(seen.at(-1)).toBe(MESSAGES - 5)
})

test('a scan reads all that is left while messages are erased at random', async () => {
  await publishMany()
  let erasing: Promise<unknown> | undefined
  const erased = new Set(Array.from({ length: 400 }, (_, at) => MESSAGES - at * 3))
  const seen = new Set<number>()
  for await (const { seq } of scan(operator, { idleMs: 1_000 })) {
    seen.add(seq)
    erasing ??= Promise.all([...erased].map((sequence) => operator.jsm.streams.deleteMessage('EVENTS', sequence, true)))
  }
  await erasing
  for (let sequence = 1; sequence <= MESSAGES; sequence++) {
    if (!erased.has(sequence)) expect(seen).toContain(sequence)
  }
})

test('a reader that takes longer for a message than the scan waits for one gets all of them', async () => {
  for (let count = 0; count < 3; count++) await operator.js.publish(SUBJECT, 'text')
  const seen: number[] = []
  for await (const { seq } of scan(operator, { idleMs: 300 })) {
    seen.push(seq)
    if (seq === 1) await new Promise((resolve) => setTimeout(resolve, 700))
  }
  expect(seen).toEqual([1, 2, 3])
})
