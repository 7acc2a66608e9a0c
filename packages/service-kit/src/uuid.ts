import { randomFillSync } from 'node:crypto'

/** Random bytes of one id: 2 for the counter's start, 8 for the tail. */
const BYTES = 10
const pool = Buffer.allocUnsafe(BYTES * 256)
let used = pool.length
let lastMs = 0
let counter = 0

/**
 * A UUIDv7 (RFC 9562), lower case: milliseconds, a 12-bit counter, 62 random bits. Ids of one process strictly ascend,
 * also within a millisecond and when the clock steps back.
 */
export function uuidv7 (): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const now = Date.now()
  if (now > lastMs) {
    lastMs = now
    counter = pool.readUInt16BE(used) & 0x7ff // its upper half stays free to count in
  } else if (++counter > 0xfff) {
    lastMs++ // RFC 9562, 6.2: a full counter may run ahead of the clock
    counter = 0
  }
  pool[used + 2] = (pool[used + 2]! & 0x3f) | 0x80
  const time = lastMs.toString(16).padStart(12, '0')
  const tail = pool.toString('hex', used + 2, used + BYTES)
  used += BYTES
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${
    tail.slice(4)
  }`
}

/** The time that an id was made, to the millisecond. */
export function timeOfUuidv7 (id: string): Date {
  return new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16))
}
