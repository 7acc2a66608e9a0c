/** As readers get an event: made once for all of them. */
export interface LiveItem {
  sequence: number
  /** Its size in memory. */
  bytes: number
  /** The event's aggregate. */
  subject: string
}

export interface Batch<Item> {
  items: Item[]
  /** The sequence up to which the batch is complete. */
  upTo: number
}
