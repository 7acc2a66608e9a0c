import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { postUpdated } from '@gatepost/contracts/posts/events'
import { ACCOUNTS_FILE } from '@gatepost/local-stack/nats'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { connect, headers } from '@nats-io/transport-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { appendVersion, appendVersions, credentialsIn, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

/** Writes the accounts of the running server, which reads them at once; resolves once they hold. */
async function reload (change: (configuration: string) => string, { permitted }: { permitted: boolean }) {
  const file = join(stage.nats.dataDir, ACCOUNTS_FILE)
  await writeFile(`${file}.new`, change(await readFile(file, 'utf8')))
  await rename(`${file}.new`, file)
  await eventually(async () => {
    const nc = await connect({
      servers: new URL(stage.nats.url).host,
      ...credentialsIn(stage.nats.urlOf('posts')),
      inboxPrefix: '_INBOX_posts'
    })
    let refused = false
    void (async () => { for await (const status of nc.status()) refused ||= status.type === 'error' })()
    const head = headers()
    head.set('Nats-Expected-Stream', 'NONE') // no stream takes it
    nc.publish(postUpdated.subject, '', { headers: head })
    await nc.flush()
    await nc.close()
    return refused !== permitted
  })
}

const MAY_UPDATE = `"${postUpdated.subject}",`

test('events that NATS does not permit yet wait aside, with one line, and follow in order once permitted', async () => {
  await reload((text) => text.replace(MAY_UPDATE, ''), { permitted: false })
  const changed = Array.from({ length: 300 }, () => uuidv7())
  await Promise.all(changed.map((post) => appendVersions(stage.pool, post, 1, 3)))
  const relay = stage.relay(stage.broker())
  await eventually(stage.unpublished, (count) => count === 600)
  const ordinary = Array.from({ length: 50 }, () => uuidv7())
  for (const post of ordinary) await appendVersion(stage.sql, post, 1)
  relay.wake()
  await eventually(stage.unpublished, (count) => count === 600, 1_500)
  expect(relay.status()).toMatchObject({ notPermitted: [postUpdated.subject], inFlight: 0 })
  const errors = stage.lines.filter(({ level }) => level >= 40)
  expect(errors.filter(({ msg }) => msg.includes('permit'))).toMatchObject([{
    operation: 'publish',
    subject: postUpdated.subject
  }])
  expect(errors).toHaveLength(1)

  await reload(
    (text) =>
      text.replace(
        '"allow": ["events.posts.post-created.v1",',
        `"allow": ["events.posts.post-created.v1",${MAY_UPDATE}`
      ).replace('"allow":["events.posts.post-created.v1",', `"allow":["events.posts.post-created.v1",${MAY_UPDATE}`),
    { permitted: true }
  )
  await eventually(stage.unpublished, (count) => count === 0, 15_000)
  const versions = new Map<string, number[]>()
  for (const { aggregate, version } of await stage.stream()) {
    versions.set(aggregate, [...versions.get(aggregate) ?? [], version])
  }
  for (const post of changed) expect(versions.get(post)).toEqual([1, 2, 3])
  expect(relay.status().notPermitted).toEqual([])
})
