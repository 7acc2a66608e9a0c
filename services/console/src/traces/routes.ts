import type { App } from '@gatepost/service-kit/server'
import type { LivePages } from '../live/live-pages.ts'
import type { RequestRow } from './request-row.ts'
import type { TraceStore } from './trace-store.ts'
import type { TraceView } from './waits.ts'

export interface TraceRoutesOptions {
  store: TraceStore
  live: LivePages
  view: (traceId: string) => Promise<TraceView>
  /** Requests a second that the gateway answered, by its metrics; undefined while nobody knows. */
  answeredPerSecond: () => number | undefined
  /** Has it counted more often while somebody looks; returns how to stop that. */
  attend: () => () => void
}

const BATCH_MS = 250
/** Rows that a page is sent of one batch; more flow by than anybody reads. */
const MAX_BATCH = 100
const TRACE_ID = /^[0-9a-f]{32}$/
/** An event that waits is asked about this often while somebody looks at its trace. */
const LOOK_AGAIN_MS = 1_000

export function traceRoutes (app: App, { store, live, view, answeredPerSecond, attend }: TraceRoutesOptions): void {
  app.get('/api/requests', (_request, reply) => {
    live.open(reply, (page) => {
      let rows: RequestRow[] = []
      let skipped = 0
      let seen = 0
      page.send('all', store.requests())
      const leave = attend()
      const stop = store.onChange(({ requests }) => {
        seen += requests.length
        const room = MAX_BATCH - rows.length
        rows.push(...requests.slice(0, room))
        skipped += Math.max(0, requests.length - room)
      })
      let ticks = 0
      const timer = setInterval(() => {
        if (rows.length > 0) page.send('more', { rows, skipped })
        if (++ticks % 8 === 0) {
          page.send('rate', { tracedPerSecond: seen / 2, answeredPerSecond: answeredPerSecond() ?? null })
          seen = 0
        }
        rows = []
        skipped = 0
      }, BATCH_MS)
      page.signal.addEventListener('abort', () => {
        stop()
        leave()
        clearInterval(timer)
      })
    })
  })

  app.get('/api/traces/:id', (request, reply) => {
    const { id } = request.params as { id: string }
    if (!TRACE_ID.test(id)) return reply.code(404).send({ message: 'A trace has 32 hexadecimal digits.' })
    live.open(reply, async (page) => {
      let wake = () => {}
      const stop = store.onChange(({ traceIds }) => {
        if (traceIds.has(id)) wake()
      })
      page.signal.addEventListener('abort', () => {
        stop()
        wake()
      })
      for (let last = ''; !page.signal.aborted;) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        const shown = await view(id)
        const text = JSON.stringify(shown)
        if (text !== last) page.send('trace', shown)
        last = text
        const timer = setTimeout(resolve, LOOK_AGAIN_MS)
        await promise
        clearTimeout(timer)
      }
    })
    return reply
  })
}
