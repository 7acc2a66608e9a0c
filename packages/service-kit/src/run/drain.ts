import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { App } from '../server.ts'
import { onStop } from './stop.ts'

interface DrainOptions {
  app: App
  delaySeconds: number
  log: Logger
  /** Stopped last, when the app is closed. */
  afterwards: () => Promise<void>
}

/** Time after which running requests are cut; with the longest delay, everything ends within 25 s. */
const REQUESTS_MS = 12_000
const CLOSE_MS = 3_000
const SWEEP_MS = 50

/**
 * Ends the process in order when it is told to: not ready → wait until the load balancer has noticed → no new
 * connections, `Connection: close` on every answer → wait for the requests → cut what is left → close what was opened.
 */
export function drain ({ app, delaySeconds, log, afterwards }: DrainOptions) {
  async function end (cause: string) {
    if (app.lifecycle.draining) process.exit(1) // a second signal ends it at once
    app.lifecycle.draining = true
    log.info({ cause }, 'draining')
    await sleep(delaySeconds * 1000)
    const cut = setTimeout(() => app.server.closeAllConnections(), REQUESTS_MS)
    setTimeout(() => {
      log.error('could not close in time')
      process.exit(1)
    }, REQUESTS_MS + CLOSE_MS)
    // Node closes idle connections once; one whose last answer comes later would stay for its keep-alive time.
    const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS)
    await app.close()
    clearInterval(sweep)
    clearTimeout(cut)
    await afterwards()
    log.info('stopped')
    log.flush(() => process.exit(0))
  }
  onStop((cause) => { void end(cause) })
}
