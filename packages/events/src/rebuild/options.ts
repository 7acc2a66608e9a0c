import type { ConsumerDefinition } from '@gatepost/contracts/events'
import type { Sql } from '@gatepost/service-kit/sql'
import type { PoolClient } from 'pg'
import type { Handler } from '../consumer/handling.ts'

/** The table that a durable consumer builds from its events. */
export interface ReadModel {
  /** One row an aggregate, by `id`. The handlers' SQL names no schema. */
  table: string
  /** A condition in SQL: the row is of an aggregate that did not end. */
  living: string
  handlers: Record<string, Handler<Sql>>
}

export interface RebuildOptions {
  definition: ConsumerDefinition
  readModel: ReadModel
  /** A session of the consumer's database, not one of a pooler. It is of no further use afterwards. */
  client: PoolClient
  /** The owner's versions of these aggregates; an aggregate that the owner does not have is left out. */
  versionsOf: (ids: string[]) => Promise<Map<string, number>>
  onProgress?: (events: number) => void
}
