import type { CloudEvent } from '@gatepost/contracts/event'
import { eventOfType } from '@gatepost/contracts/events'
import { type Sql, sqlOfPool } from '@gatepost/service-kit/sql'
import { handle, type Transaction } from '../consumer/handling.ts'
import { listDeadLetters } from '../dead-letters.ts'
import type { Operator } from '../operator.ts'
import { scan } from '../scan.ts'
import { MalformedEventError, parseEvent } from '../validation.ts'
import type { RebuildOptions } from './options.ts'

const PROGRESS_EVERY = 1_000

/** An event cannot be applied, and the living consumer has no dead letter of it. */
export class NotRebuiltError extends Error {
  override name = 'NotRebuiltError'
}

/** Applies events of the stream, one after the other, to the tables that the session sees. */
export function createStreamReading (
  operator: Operator,
  { definition, readModel: { handlers }, client, onProgress }: RebuildOptions
) {
  const sql = sqlOfPool(client)
  let events = 0
  let rejected = 0
  /** Events without their predecessor, by aggregate: lost, or about to be erased with an aggregate that ended. */
  const gaps = new Map<string, number>()
  let next = 1
  let buried: Set<string | undefined> | undefined

  const transactionBy = (begin: string, commit: string, rollback: string): Transaction<Sql> => async (work) => {
    await client.query(begin)
    try {
      const result = await work(sql, sql)
      await client.query(commit)
      return result
    } catch (error) {
      await client.query(rollback)
      throw error
    }
  }
  const single = transactionBy('BEGIN', 'COMMIT', 'ROLLBACK')
  const nested = transactionBy('SAVEPOINT event', 'RELEASE event', 'ROLLBACK TO event')

  async function apply (data: Uint8Array, transaction: Transaction<Sql>) {
    let event: CloudEvent | undefined
    try {
      event = parseEvent(data)
      const verdict = await handle(event, false, { definition, handlers, transaction, alone: (work) => work() })
      if (verdict !== 'gap') events++
      else gaps.set(event.subject, (gaps.get(event.subject) ?? 0) + 1)
      if (eventOfType(event.type)?.final) gaps.delete(event.subject)
    } catch (error) {
      if (!(error instanceof MalformedEventError) && !await isBuried(event!)) throw notRebuilt(event!, error)
      rejected++
    }
  }

  async function isBuried ({ id }: CloudEvent) {
    buried ??= new Set((await listDeadLetters(operator, definition.name)).map(({ event }) => event?.id))
    return buried.has(id)
  }

  return {
    counts: () => ({ events, rejected: [...gaps.values()].reduce((sum, count) => sum + count, rejected) }),
    /** Applies the events up to the last one of now. Resolves with their number. */
    async readOn ({ inTransaction = false } = {}): Promise<number> {
      let read = 0
      for await (const { seq, data } of scan(operator, { filter: definition.filter, from: { sequence: next } })) {
        next = seq + 1
        await apply(data, inTransaction ? nested : single)
        if (++read % PROGRESS_EVERY === 0) onProgress?.(read)
      }
      return read
    }
  }
}

function notRebuilt ({ type, id }: CloudEvent, cause: unknown) {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new NotRebuiltError(`${type} ${id} cannot be applied, so nothing is changed: ${reason}`, { cause })
}
