import { sessionRevoked } from '@gatepost/contracts/auth/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { provision } from '../src/provision.ts'
import { followRevocations } from '../src/revocations.ts'
import { eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

function revocation (sessionId: string, expiresAt = new Date(Date.now() + 600_000)) {
  return JSON.stringify({
    specversion: '1.0',
    id: uuidv7(),
    source: sessionRevoked.source,
    type: sessionRevoked.type,
    subject: sessionId,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: '/asyncapi.json',
    aggregateversion: 1,
    data: { sessionId, userId: uuidv7(), reason: 'logout', expiresAt: expiresAt.toISOString() }
  })
}

async function publish (...payloads: string[]) {
  const js = (await jetstreamManager(await stage.admin(), { checkAPI: false })).jetstream()
  for (const payload of payloads) await js.publish(sessionRevoked.subject, payload)
}

function follow () {
  const revoked = new Map<string, number>()
  const revocations = stage.defer(
    followRevocations({
      broker: stage.broker('gateway'),
      accessTokenTtl: 600,
      log: stage.log,
      revocations: {
        revoke: (id, expiresAt) => {
          revoked.set(id, expiresAt)
        },
        markComplete: () => {}
      }
    }),
    (started) => started.stop()
  )
  return { revoked, revocations }
}

test(
  'earlier revocations are known when it is ready, later ones within a second; an unreadable one hides no other',
  { retry: 2 },
  async () => {
    const [before, after] = [uuidv7(), uuidv7()]
    const expiresAt = new Date(Date.now() + 60_000)
    await publish(revocation(before, expiresAt), 'no json')
    const { revoked, revocations } = follow()
    await revocations.ready
    expect([...revoked]).toEqual([[before, expiresAt.getTime()]])
    await publish(revocation(after))
    await eventually(() => revoked.has(after), Boolean, 1_000)
    expect(revocations.status()).toMatchObject({ caughtUp: true })
  }
)

test('revocations are found also when the last event was erased and the broker restarted', async () => {
  const [first, second] = [uuidv7(), uuidv7()]
  await publish(revocation(first), revocation(second), revocation(uuidv7()))
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  await jsm.streams.deleteMessage('EVENTS', 3)
  await stage.nats.halt()
  await stage.nats.start()
  const { revoked, revocations } = follow()
  await revocations.ready
  expect([...revoked.keys()]).toEqual([first, second])
})

test('an empty stream is read at once', async () => {
  const { revocations } = follow()
  await revocations.ready
})

test(
  'while NATS is away staleness grows; events of the meantime are there within a second of its return',
  { retry: 2 },
  async () => {
    const { revoked, revocations } = follow()
    await revocations.ready
    await stage.nats.halt()
    await eventually(() => revocations.status().staleSeconds, (seconds) => seconds > 1.5)
    await stage.nats.start()
    const missed = uuidv7()
    await publish(revocation(missed))
    await eventually(() => revoked.has(missed), Boolean, 1_000)
    await eventually(() => revocations.status().staleSeconds, (seconds) => seconds < 1.5)
  }
)

test('a stream that was lost and made again is read from its beginning', async () => {
  const { revoked, revocations } = follow()
  await publish(...Array.from({ length: 5 }, () => revocation(uuidv7())))
  await revocations.ready
  await eventually(() => revoked.size === 5)
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  await jsm.streams.delete('EVENTS')
  await provision({ servers: stage.nats.urlOf('provisioner') })
  const fresh = uuidv7()
  await publish(revocation(fresh))
  await eventually(() => revoked.has(fresh), Boolean, 20_000)
})
