import { declarations } from '@gatepost/contracts/declarations'
import { consumers, events } from '@gatepost/contracts/events'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectAs, createStage } from './support/stage.ts'
import type { BrokerAccount } from '@gatepost/local-stack/system'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'

const stage = createStage()
let nats: TestBroker
beforeAll(async () => {
  nats = stage.defer(await startBroker(), (broker) => broker.stop())
})
afterAll(() => stage.close())

const nothing = () => new Promise((resolve) => setTimeout(resolve, 150))

const SERVICES = declarations.map(({ name }) => name)

/** Which of the subjects the server refuses to take from an account. */
async function refusedOf (account: BrokerAccount, subjects: string[]) {
  const url = new URL(nats.urlOf(account))
  const nc = await connect({
    servers: url.host,
    user: url.username,
    pass: url.password,
    inboxPrefix: `_INBOX_${account}`
  })
  const refused: string[] = []
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'error') refused.push(/to "(.*)"/.exec(status.error.message)![1]!)
    }
  })()
  for (const subject of subjects) nc.publish(subject, '', { reply: `_INBOX_${account}.x` })
  await nc.flush()
  await nothing()
  await nc.close()
  return refused
}

test.each(SERVICES)('%s publishes its own events and no others', async (service) => {
  const refused = await refusedOf(service, events.map((event) => event.subject))
  expect(refused.sort()).toEqual(events.filter((event) => event.owner !== service).map((event) => event.subject).sort())
})

test.each(SERVICES)(
  '%s pulls, acknowledges and buries for its own consumers alone, makes them again, and deletes none of ours',
  async (service) => {
    const names = Object.keys(consumers)
    const own = Object.values(consumers).filter((consumer) => consumer.service === service).map((consumer) =>
      consumer.name
    )
    const uses = (
      name: string
    ) => [`$JS.API.CONSUMER.MSG.NEXT.EVENTS.${name}`, `$JS.ACK.EVENTS.${name}.1.1.1.0.0`, `dead-letters.${name}`]
    const changes = (
      name: string
    ) => [
      `$JS.API.CONSUMER.CREATE.EVENTS.${name}`,
      `$JS.API.CONSUMER.CREATE.EVENTS.${name}.>`,
      `$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.${name}`,
      `$JS.API.CONSUMER.DELETE.EVENTS.${name}`
    ]
    const refused = await refusedOf(service, names.flatMap((name) => [...uses(name), ...changes(name)]))
    const permitted = own.flatMap((name) => [...uses(name), `$JS.API.CONSUMER.CREATE.EVENTS.${name}.>`])
    expect(refused.sort()).toEqual(names.flatMap((name) => [...uses(name), ...changes(name)]).filter((subject) =>
      !permitted.includes(subject)
    ).sort())
  }
)

test.each(SERVICES)("%s can neither change the stream nor listen to another's answers", async (service) => {
  const calls = [
    'STREAM.DELETE.EVENTS',
    'STREAM.PURGE.EVENTS',
    'STREAM.UPDATE.EVENTS',
    'CONSUMER.CREATE.EVENTS',
    'CONSUMER.CREATE.DEAD_LETTERS.mine'
  ]
  const erasing = ['STREAM.MSG.DELETE.EVENTS', 'STREAM.MSG.GET.DEAD_LETTERS', 'STREAM.MSG.DELETE.DEAD_LETTERS']
  const erases = events.some((event) => event.owner === service && event.erasable)
  const buries = Object.values(consumers).some((consumer) => consumer.service === service)
  const permitted = erases ? erasing : buries ? ['STREAM.MSG.GET.DEAD_LETTERS'] : []
  const refused = await refusedOf(service, [...calls, ...erasing].map((call) => `$JS.API.${call}`))
  expect(refused.sort()).toEqual([
    ...calls,
    ...erasing.filter((call) => !permitted.includes(call))
  ].map((call) => `$JS.API.${call}`).sort())
  const nc = await connectAs({ nats, ...stage }, service)
  const other = SERVICES.find((name) => name !== service)!
  const error = await new Promise<Error | null>((resolve) => {
    nc.subscribe(`_INBOX_${other}.>`, { callback: resolve })
  })
  expect(error?.message).toContain('Permissions Violation for Subscription')
})
