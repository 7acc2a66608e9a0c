import { LimitSchema } from '@gatepost/contracts/schemas'

/** The size of a page when the query says none, as the contract states it. */
export const DEFAULT_LIMIT: number = LimitSchema.default

/** A page out of its rows and one more: the items, and the last of them if there is another page. */
export function pageOf<Row> (rows: readonly Row[], limit: number): { items: Row[], last: Row | undefined } {
  const items = rows.slice(0, limit)
  return { items, last: rows.length > limit ? items.at(-1) : undefined }
}
