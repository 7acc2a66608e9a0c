import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Broker } from './broker.ts'
import { createErasureStore, type DueErasure, type Position } from './erasure/erasure-store.ts'
import { eraseDeadLetters, eraseMessage } from './erasure/messages.ts'
import { readPositions } from './erasure/reading.ts'

const AGGREGATES = 100
/** Messages that the broker is asked to erase at the same time. */
const CONCURRENCY = 16
const TIMEOUT_MS = 2_000

export interface EraserOptions {
  /** The service's own database, with the tables `outbox`, `erasures`, `event_positions` and `stream_readings`. */
  pool: Pool
  service: string
  broker: Broker
  log: Logger
  /** Asked between the steps of long work. */
  goOn: () => boolean
}

/**
 * Erases the earlier events of aggregates that ended, which `appendEvent` noted in the transaction of the final event:
 * the messages are overwritten on disk, then the outbox forgets them, then the dead letters are looked through. An
 * erasure that is broken off is found again by its row.
 */
export function createEraser ({ pool, service, broker, log, goOn }: EraserOptions) {
  const store = createErasureStore(pool)

  async function eraseMessages (jsm: JetStreamManager, aggregateIds: string[], failed: Set<string>) {
    let count = 0
    async function erase (queue: Position[], gone: Position[]) {
      for (let position = queue.pop(); position; position = queue.pop()) {
        try {
          if (await eraseMessage(jsm, position)) count++
          gone.push(position)
        } catch (error) {
          if (failed.size === 0) log.warn({ err: error, ...position }, 'an event could not be erased; retrying')
          failed.add(position.aggregateId)
        }
      }
    }
    for (;;) {
      const positions = await store.find(aggregateIds.filter((id) => !failed.has(id)))
      if (positions.length === 0) return count
      const gone: Position[] = []
      await Promise.all(Array.from({ length: CONCURRENCY }, () => erase(positions, gone)))
      await store.forget(gone)
    }
  }

  async function eraseBatch (jsm: JetStreamManager, due: DueErasure[]) {
    const failed = new Set<string>()
    const aggregateIds = due.map((erasure) => erasure.aggregateId)
    try {
      const events = await eraseMessages(jsm, aggregateIds, failed)
      const deadLetters = await eraseDeadLetters(jsm, aggregateIds)
      await store.settle(due.filter((erasure) => !failed.has(erasure.aggregateId)))
      if (events + deadLetters > 0) {
        log.info({ aggregates: due.length, events, deadLetters }, 'events of ended aggregates erased')
      }
    } catch (error) {
      for (const id of aggregateIds) failed.add(id)
      throw error
    } finally {
      if (failed.size > 0) await store.postpone([...failed])
    }
  }

  return {
    /** Erases the aggregates that are due; nothing while NATS is away. */
    async erase () {
      const nc = broker.connection()
      if (!nc) return
      const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: TIMEOUT_MS })
      for (let due = await store.due(AGGREGATES); due.length > 0 && goOn(); due = await store.due(AGGREGATES)) {
        await eraseBatch(jsm, due)
      }
    },
    /** Drops refused events of ended aggregates, so that the final one is published. */
    async eraseRefused () {
      const rows = await store.forgetRefused()
      if (rows > 0) log.info({ rows }, 'refused events of ended aggregates erased')
    },
    /** Notes where the stream has erasable events; resolves with whether it was read to its end. */
    async readPositions (): Promise<boolean> {
      const nc = broker.connection()
      return nc !== undefined && readPositions({ store, nc, service, goOn })
    },
    /** Age of the oldest erasure that is not done. */
    oldestSeconds: store.oldestSeconds
  }
}
