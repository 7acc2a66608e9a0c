import { subscribe } from '@gatepost/client/events'
import { events } from '@gatepost/contracts/events'
import type { CloudEvent } from '@gatepost/contracts/event'
import type { Ledger } from './ledger.ts'

/** Reads the whole stream as anybody may. */
export async function readStream (natsUrl: string, last: () => Promise<boolean>): Promise<CloudEvent[]> {
  const seen = new Map<string, CloudEvent>()
  const subscription = await subscribe({
    servers: natsUrl,
    events,
    onEvent: (event: CloudEvent) => {
      if (!seen.has(event.id)) seen.set(event.id, event)
    }
  })
  let before = -1
  while (seen.size !== before || !await last()) {
    before = seen.size
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  await subscription.stop()
  return [...seen.values()]
}

/** Compares the answers to clients with the events: each line is a broken promise. */
export function brokenPromises (stream: readonly CloudEvent[], ledger: Ledger): string[] {
  const broken: string[] = []
  const versions = new Map<string, number>()
  const ended = new Set(stream.filter(({ type }) => /deleted|revoked/.test(type)).map(({ subject }) => subject))
  for (const { subject, aggregateversion: version, type } of stream) {
    const expected = (versions.get(subject) ?? 0) + 1
    // Earlier events of ended aggregates are erased.
    if (version !== expected && !(ended.has(subject) && version > expected)) {
      broken.push(`${type} of ${subject}: version ${version} came where ${expected} was due`)
    }
    versions.set(subject, version)
  }
  for (const [id, { version, deleted }] of ledger.posts) {
    if ((versions.get(id) ?? 0) < version) {
      broken.push(`post ${id}: a client saw version ${version}, the events end at ${versions.get(id) ?? 0}`)
    }
    if (deleted && !ended.has(id)) broken.push(`post ${id}: a client deleted it, no event says so`)
  }
  for (const id of ledger.users) if (!versions.has(id)) broken.push(`user ${id}: registered, no event says so`)
  for (const id of ledger.revoked) if (!ended.has(id)) broken.push(`session ${id}: logged out, no event says so`)
  return broken
}
