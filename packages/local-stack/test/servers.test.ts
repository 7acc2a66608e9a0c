import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isOpen } from '@gatepost/local-stack/child'
import { startNats } from '@gatepost/local-stack/nats'
import { freePorts } from '@gatepost/local-stack/ports'
import { startRedis } from '@gatepost/local-stack/redis'

/** What the server says first, or in answer to one line. */
async function firstAnswer (port: number, line = '') {
  const socket = connect(port, '127.0.0.1')
  socket.write(line)
  const [answer] = await once(socket, 'data') as [Buffer]
  socket.destroy()
  return answer.toString()
}

test('NATS comes up with JetStream and the accounts that it was given, and is gone after stop', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-nats-'))
  const [port] = await freePorts(1) as [number]
  const server = await startNats({
    port,
    dataDir: folder,
    authorization: 'authorization { user: someone, password: secret }'
  })
  try {
    const info = JSON.parse((await firstAnswer(port)).replace(/^INFO /, ''))
    expect(info).toMatchObject({ host: '127.0.0.1', jetstream: true, auth_required: true })
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true })
  }
  expect(await isOpen(port)).toBe(false)
})

test('a configuration that NATS refuses is reported with its reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatepost-nats-'))
  const [port] = await freePorts(1) as [number]
  await expect(startNats({ port, dataDir: folder, authorization: 'authorization { user: "someone' })).rejects
    .toThrow(/^nats-server ended with code 1\n.*Parse error/)
  rmSync(folder, { recursive: true })
})

test('Redis answers, and is gone after stop', async () => {
  const [port] = await freePorts(1) as [number]
  const server = await startRedis({ port })
  expect(await firstAnswer(port, 'PING\r\n')).toBe('+PONG\r\n')
  await server.stop()
  expect(await isOpen(port)).toBe(false)
})
