import { setTimeout as sleep } from 'node:timers/promises'
import { sessionConfig } from '@gatepost/service-kit/database-session'
import pg from 'pg'

export const CHANNEL = 'outbox'

/** Calls back whenever a replica says that there is something to publish; reconnects for ever. */
export function listenForRows (databaseUrl: string, onRows: () => void): { stop (): Promise<void> } {
  const stopping = new AbortController()
  let client: pg.Client | undefined

  async function listen () {
    client = new pg.Client(sessionConfig({ url: databaseUrl, name: 'outbox-listen' }))
    const ended = new Promise<void>((resolve) => client!.once('end', resolve).on('error', () => resolve()))
    try {
      await Promise.race([client.connect(), ended]) // one that is ended while it connects never says so
      client.on('notification', onRows)
      await client.query(`LISTEN ${CHANNEL}`)
      onRows()
    } catch {
      return // the poll goes on without it, and the relay's own queries report a database that is away
    }
    await ended
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await listen()
      if (!stopping.signal.aborted) await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  })()

  return {
    async stop () {
      stopping.abort()
      await client?.end().catch(() => undefined)
      await running
    }
  }
}
