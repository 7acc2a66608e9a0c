import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type BrokerScene, FORBIDDEN, nothing, setBrokerScene } from './support/broker-scene.ts'
import { eventually } from './support/stage.ts'

let scene: BrokerScene
beforeAll(async () => { scene = await setBrokerScene() })
afterAll(() => scene.close())

beforeEach(() => { scene.violations.length = 0 })

/** The subjects of a named subscriber, and the ones beyond it. */
const OPEN_TO_ADA = FORBIDDEN.filter((subject) => /\.(ada|ada_2)(\.|$)/.test(subject))
const FORBIDDEN_TO_ADA = [
  ...FORBIDDEN.filter((subject) => !OPEN_TO_ADA.includes(subject)),
  ...['ada_3', 'own', 'anything'].flatMap((
    name
  ) => [
    `$JS.API.CONSUMER.CREATE.EVENTS.${name}`,
    `$JS.API.CONSUMER.INFO.EVENTS.${name}`,
    `$JS.API.CONSUMER.MSG.NEXT.EVENTS.${name}`,
    `$JS.ACK.EVENTS.${name}.1.1.1.0.0`
  ])
]

test.each(FORBIDDEN_TO_ADA)('a named subscriber may not publish to %s', async (subject) => {
  scene.ada.publish(subject, '{}')
  await scene.ada.flush()
  expect(await eventually(() => scene.violations[0])).toContain('Permissions Violation for Publish')
})

test('a named subscriber may use every name that is its own', async () => {
  expect(OPEN_TO_ADA).toHaveLength(14)
  for (const subject of OPEN_TO_ADA) scene.ada.publish(subject, 'no request')
  await scene.ada.flush()
  await nothing()
  expect(scene.violations).toEqual([])
})

test.each(FORBIDDEN)('a stranger may not publish to %s', async (subject) => {
  scene.stranger.publish(subject, '{}')
  await scene.stranger.flush()
  expect(await eventually(() => scene.violations[0])).toContain('Permissions Violation for Publish')
})

test.each(['>', '_INBOX.>', '_INBOX_bob.>', '_INBOX_posts.>', '$JS.>', 'dead-letters.>'])(
  'a named subscriber may not listen to %s',
  async (subject) => {
    const subscription = scene.ada.subscribe(subject, { callback: () => undefined })
    await scene.ada.flush()
    expect(await eventually(() => scene.violations[0])).toContain('Permissions Violation for Subscription')
    subscription.unsubscribe()
  }
)

test.each([
  '>',
  '$JS.>',
  '$JS.API.>',
  '$JS.API.CONSUMER.CREATE.EVENTS.*',
  '$JS.ACK.>',
  '$JS.EVENT.ADVISORY.>',
  '_INBOX_ada.>',
  '_INBOX_posts.>',
  '_INBOX_provisioner.>',
  'dead-letters.>',
  '$SYS.>',
  '*.posts.>'
])('a stranger may not listen to %s', async (subject) => {
  const subscription = scene.stranger.subscribe(subject, { callback: () => undefined })
  await scene.stranger.flush()
  expect(await eventually(() => scene.violations[0])).toContain('Permissions Violation for Subscription')
  subscription.unsubscribe()
})
