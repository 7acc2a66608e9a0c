import type { StdioPipe } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { examplePorts, startExample } from './support/example.ts'

/** A process whose standard output is a pipe, or the file of a descriptor. */
async function start (stdout: StdioPipe | number) {
  const { main, operations, env } = await examplePorts()
  const running = startExample(env, ['ignore', stdout, 'inherit'])
  const write = async (count: number) =>
    (await (await fetch(`http://127.0.0.1:${main}/lines/${count}`)).json() as { megabytes: number }).megabytes
  const lost = async () =>
    Number(/^gatepost_log_lines_lost_total.* (\d+)$/m
      .exec(await (await fetch(`http://127.0.0.1:${operations}/metrics`)).text())![1])
  await vi.waitFor(() => write(0), { timeout: 15_000, interval: 50 })
  const end = (count: number) => fetch(`http://127.0.0.1:${main}/last-lines/${count}`).catch((error: Error) => error)
  return { ...running, write, end, lost }
}

/** Megabytes that waiting lines and a growing heap may add; what is written is twice as much. */
const ROOM = 60
const MANY = 20_000

test('standard output that nobody reads costs lines, no memory and no request, and is told once', async () => {
  const { child, write, lost } = await start('pipe')
  const before = await write(1_000)
  let after = 0
  for (let times = 0; times < 6; times++) after = await write(MANY)
  expect(after - before).toBeLessThan(ROOM)
  await vi.waitFor(async () => { expect(await lost()).toBeGreaterThan(100_000) })
  let output = ''
  child.stdout!.setEncoding('utf8').on('data', (piece: string) => { output += piece })
  await vi.waitFor(() => { expect(output).toContain('log lines were lost') }, { timeout: 5_000 })
  const lines = output.trim().split('\n').map((line) => JSON.parse(line) as { msg: string, lines?: number })
  const [told, ...more] = lines.filter(({ msg }) => msg.includes('were lost'))
  expect([told!.lines, more]).toEqual([await lost(), []])
  expect(lines.filter(({ msg }) => msg === 'line').length + told!.lines!).toBe(1_000 + 6 * MANY)
})

test('a process whose output nobody reads ends in time', async () => {
  const { child, write, ended } = await start('pipe')
  await write(MANY)
  const told = performance.now()
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(performance.now() - told).toBeLessThan(10_000)
})

test('the loss of its reader does not end a process', async () => {
  const { child, write, lost, ended } = await start('pipe')
  child.stdout!.destroy()
  await vi.waitFor(async () => {
    await write(10)
    expect(await lost()).toBeGreaterThan(0)
  }, { timeout: 5_000 })
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test('a full disk does not end a process', async () => {
  const full = openSync('/dev/full', 'w')
  const { child, write, lost, ended } = await start(full)
  closeSync(full)
  await write(10)
  await vi.waitFor(async () => { expect(await lost()).toBeGreaterThanOrEqual(10) }, { timeout: 5_000 })
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test('a reader gets all lines', async () => {
  const { child, write } = await start('pipe')
  const output = text(child.stdout!)
  for (let times = 0; times < 10; times++) await write(300)
  child.kill('SIGTERM')
  const lines = (await output).trim().split('\n').map((line) => JSON.parse(line) as { msg: string })
  expect(lines.filter(({ msg }) => msg === 'line')).toHaveLength(3_000)
  expect(lines.at(-1)!.msg).toBe('stopped')
})

test('a process that ends at once writes its last lines', async () => {
  const { child, end, ended } = await start('pipe')
  const output = text(child.stdout!)
  await end(1_000)
  expect(await ended).toBe(3)
  expect((await output).split('\n').filter((line) => line.includes('"msg":"line"'))).toHaveLength(1_000)
})
