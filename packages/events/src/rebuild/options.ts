import type { ConsumerDefinition } from '@gatepost/contracts/events'
import type { Sql } from '@gatepost/service-kit/sql'
import type { PoolClient } from 'pg'
import type { Handler } from '../consumer/handling.ts'

/** What a durable consumer keeps of its events. */
export interface ReadModel {
  /** The table that the handlers write, one row an aggregate, by `id`. Their SQL names no schema. */
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
  /** The versions at which the owner of the events has these aggregates; those that it does not have are left out. */
  versionsOf: (ids: string[]) => Promise<Map<string, number>>
  onProgress?: (events: number) => void
}
