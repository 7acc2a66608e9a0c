import { setTimeout as sleep } from 'node:timers/promises'
import type { LivePage } from './live-pages.ts'

const LOOK_MS = 1_000

/** Reads every second and sends what has changed, until the page is gone. A failure is shown, and tried again. */
export async function showAgain (page: LivePage, event: string, read: () => Promise<object>): Promise<void> {
  const shown = () => read().catch(() => ({ trouble: 'NATS or a database does not answer; trying on' }))
  for (let last = ''; !page.signal.aborted;) {
    const value = await shown()
    const text = JSON.stringify(value)
    if (text !== last) page.send(event, value)
    last = text
    await sleep(LOOK_MS, undefined, { signal: page.signal }).catch(() => undefined)
  }
}
