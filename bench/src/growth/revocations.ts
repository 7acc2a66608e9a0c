import { sessionRevoked } from '@gatepost/contracts/auth/events'
import { createBroker } from '@gatepost/events/broker'
import type { Ground } from '../lab/ground.ts'
import { residentMegabytes } from '../lab/machine.ts'
import { gatepostOf } from '../gateway/peers.ts'
import { ROOT } from '../lab/root.ts'
import { prepareStage } from '../gateway/stage.ts'
import { accessToken } from '../gateway/tokens.ts'
import { POST_PATH } from '../gateway/upstream.ts'
import { createSeries, powersOfTen, timeCalls } from './series.ts'

const CALLS = 500
const IN_FLIGHT = 500
const quiet = { debug: () => {}, info: () => {}, warn: console.warn, error: console.error }

const sessionOf = (n: number) => `01900000-0000-7000-8000-${(0xF00000000 + n).toString(16).padStart(12, '0')}`

function revocation (n: number, expiresAt: string) {
  const id = sessionOf(n)
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: sessionRevoked.source,
    type: sessionRevoked.type,
    subject: id,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: '/asyncapi.json',
    aggregateversion: 1,
    data: { sessionId: id, userId: id, reason: 'logout', expiresAt }
  })
}

/** The gateway over ever more revoked sessions: each request is checked against them, and a start reads them all. */
export async function measureRevocations (ground: Ground, most: number) {
  const { fleet, broker, signers } = await prepareStage(ground)
  const auth = createBroker({ servers: broker.urlOf('auth'), name: 'auth', log: quiet })
  ground.onEnd(() => auth.close())
  await auth.connected()
  let gateway = (await fleet.launch(gatepostOf(ROOT), 'full'))!
  const calls = createSeries('gateway, sessions revoked within the life of a token', 'ms')
  const memory = createSeries('gateway, sessions revoked within the life of a token', 'MB', /./)
  const start = createSeries('gateway, ready after a start, sessions revoked within the life of a token', 's', /./)
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()

  async function ask (token: string) {
    const answer = await fetch(gateway.url + POST_PATH, { headers: { authorization: `Bearer ${token}` } })
    await answer.arrayBuffer()
    return answer.status
  }
  async function expect (token: string, status: number) {
    const got = await ask(token)
    if (got !== status) throw new Error(`${got} where ${status} was due`)
  }

  let published = 0
  for (const size of powersOfTen(most)) {
    await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
      while (published < size) {
        await auth.jetstream()!.publish(sessionRevoked.subject, revocation(published++, expiresAt))
      }
    }))
    const good = accessToken(signers.EdDSA)
    const revoked = accessToken(signers.EdDSA, size, sessionOf(size - 1))
    // all revocations have arrived
    while (await ask(revoked) !== 401) await new Promise((resolve) => setTimeout(resolve, 100))
    for (const series of [calls, memory, start]) series.sizes.push(size)
    await timeCalls(CALLS, () => expect(good, 200))
    calls.add('admitted', await timeCalls(CALLS, () => expect(good, 200)))
    calls.add('refused', await timeCalls(CALLS, () => expect(revoked, 401)))
    memory.add('resident', residentMegabytes(gateway.pid))
    await gateway.child!.stop()
    const begun = performance.now()
    gateway = (await fleet.launch(gatepostOf(ROOT), 'full'))!
    while (!(await fetch(`${gateway.url}/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 50))
    start.add('ready', (performance.now() - begun) / 1000)
    await expect(revoked, 401)
  }
  return [calls, memory, start]
}
