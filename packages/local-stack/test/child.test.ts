import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { expect, test, vi } from 'vitest'
import { isOpen, startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'

const node = (script: string) => [process.execPath, ['--input-type=module', '-e', script]] as const

function isAlive (pid: number) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test.each([
  ['one that listens to us', 'setInterval(() => {}, 1000)'],
  [
    'one that takes its time',
    "process.on('SIGTERM', () => setTimeout(() => process.exit(), 300)); setInterval(() => {}, 1000)"
  ]
])('kill -9 of us takes the children along: %s', async (_name, script) => {
  const parent = spawn(...node(`
    import { startChild } from '@gatepost/local-stack/child'
    const child = startChild(process.execPath, ['-e', ${JSON.stringify(script)}], { name: 'child' })
    console.log(child.pid)
    setInterval(() => {}, 1000)
  `), { cwd: new URL('..', import.meta.url), stdio: ['ignore', 'pipe', 'inherit'] })
  const [text] = await once(parent.stdout, 'data') as [Buffer]
  const pid = Number(text.toString())
  expect(isAlive(pid)).toBe(true)
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 50 })
})

test('a child that ignores its signal, and a frozen one, are ended all the same', async () => {
  const deaf = startChild(
    ...node("process.on('SIGTERM', () => {}); console.error('up'); setInterval(() => {}, 1000)"),
    { name: 'deaf' }
  )
  const frozen = startChild(...node("console.error('up'); setInterval(() => {}, 1000)"), { name: 'frozen' })
  await vi.waitFor(() => expect([deaf.lastWords(), frozen.lastWords()]).toEqual(['up', 'up']), 10_000)
  frozen.signal('SIGSTOP')
  await Promise.all([deaf.stop(300), frozen.stop(10_000)])
  expect(await deaf.ended).toBe('deaf ended by SIGKILL')
  expect(await frozen.ended).toBe('frozen ended by SIGTERM')
})

test('what ends before it listens is reported with its last words', async () => {
  const [port] = await freePorts(1)
  const child = startChild(...node("console.error('no such option'); process.exitCode = 3"), { name: 'server' })
  await expect(waitForPort(child, port!)).rejects.toThrow('server ended with code 3\nno such option')
  expect(await isOpen(port!)).toBe(false)
})

test('a program that does not exist is reported by name', async () => {
  const child = startChild('/no/such/program', [], { name: 'server' })
  expect(await child.ended).toMatch(/^server could not be started: .*ENOENT/)
  await child.stop()
})
