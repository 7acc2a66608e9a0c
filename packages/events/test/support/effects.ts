import type { CloudEvent } from '@gatepost/contracts/event'
import { postCreated, postDeleted, postUpdated } from '@gatepost/contracts/posts/events'
import { createDatabase } from '@gatepost/testing/database'
import { sqlOfPool } from '@gatepost/service-kit/sql'
import pg from 'pg'
import { handlerOf, type Transaction } from '../../src/consumer.ts'
import type { Stage } from './stage.ts'

export type Tx = pg.PoolClient

/** A feed database with a table in which every effect is one more row; returns its URL and a pool. */
export async function createEffects (stage: Stage) {
  const database = stage.defer(await createDatabase('feed'), (created) => created.drop())
  /** One statement, or several, as the role that owns the tables. */
  async function asOwner (statement: string) {
    const owner = new pg.Client({ connectionString: database.ownerUrl })
    await owner.connect()
    await owner.query(statement).finally(() => owner.end())
  }
  await asOwner(`CREATE TABLE effects (id serial PRIMARY KEY, post uuid, version int);
    GRANT ALL ON ALL TABLES IN SCHEMA public TO feed; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO feed`)
  return {
    asOwner,
    url: database.url,
    pool: stage.defer(new pg.Pool({ connectionString: database.url, max: 10 }), (opened) => opened.end())
  }
}

export function transactionOf (pool: pg.Pool): Transaction<Tx> {
  return async (work) => {
    const tx = await pool.connect()
    try {
      await tx.query('BEGIN')
      const result = await work(tx, sqlOfPool(tx))
      await tx.query('COMMIT')
      return result
    } catch (error) {
      await tx.query('ROLLBACK')
      throw error
    } finally {
      tx.release()
    }
  }
}

/** As a replica that began the event and was killed. */
export async function countStarts (pool: pg.Pool, event: CloudEvent, starts: number) {
  const statement = "INSERT INTO event_starts (consumer, event_id, starts) VALUES ('feed-posts', $1, $2)"
  await pool.query(statement, [event.id, starts])
}

export const record = async (post: string, version: number, tx: Tx) => {
  await tx.query('INSERT INTO effects (post, version) VALUES ($1, $2)', [post, version])
}
export const recordAll = {
  [postCreated.type]: handlerOf(
    postCreated,
    async (event, tx: Tx) => record(event.data.postId, event.aggregateversion, tx)
  ),
  [postUpdated.type]: handlerOf(
    postUpdated,
    async (event, tx: Tx) => record(event.data.postId, event.aggregateversion, tx)
  ),
  [postDeleted.type]: handlerOf(
    postDeleted,
    async (event, tx: Tx) => record(event.data.postId, event.aggregateversion, tx)
  )
}
