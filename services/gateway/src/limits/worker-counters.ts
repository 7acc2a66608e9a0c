import { hash, randomBytes } from 'node:crypto'
import type { Counted, Counters, Decision, Limit } from './limit.ts'

/**
 * The memory: a secret, then rows. A row is what one worker counts in one bucket; the rows of a bucket lie side by side, one
 * of each worker. A worker writes in its own rows only. Rows are whole cache lines, and so is what is before them.
 */
const SECRET_BYTES = 128
const ROW_BYTES = 128
const BUCKETS = 2 ** 14

/** A cell: whose it is and the count, in words of 4 bytes, then the end of the window, a number of 8 bytes. */
const CELL_WORDS = 4
const COUNT = 1
const CELLS = ROW_BYTES / 4 / CELL_WORDS

/** So many times is it tried when several workers ask for the last request of a window in the same microsecond. */
const MAX_ATTEMPTS = 100

/** So many places of keys are remembered: not each request has to hash its key. */
const MAX_PLACES = 10_000

interface Place {
  bucket: number
  fingerprint: number
}

interface Table {
  firstBucket: number
  places: Map<string, Place>
}

/** What the memory holds at first. */
export function emptyCounters ({ workers, limits }: { workers: number, limits: readonly Limit[] }): Uint8Array {
  const memory = new Uint8Array(SECRET_BYTES + limits.length * BUCKETS * workers * ROW_BYTES)
  memory.set(randomBytes(SECRET_BYTES))
  return memory
}

export interface WorkerCountersOptions {
  /** Began as {@link emptyCounters}. */
  memory: ArrayBuffer
  /** Which of so many workers this is, from 0. */
  index: number
  workers: number
  limits: readonly Limit[]
  now?: () => number
}

/**
 * Rate-limit counters in memory that the processes of one machine share; nobody is waited for. A worker first writes that
 * it charges, then reads what all have charged, and takes back what was too much: of two that charge at the same
 * time at least one sees the other, so that never more passes than the limit. Each may have seen the other, and both have
 * taken back; then there is room again, and they try again.
 *
 * Bounded: {@link BUCKETS} times {@link CELLS} keys of each limit. In a bucket that is full, the one goes that has counted
 * least, so that a flood of new addresses pushes out its own.
 */
export function workerCounters ({ memory, index, workers, limits, now = Date.now }: WorkerCountersOptions): Required<Counters> {
  const secret = Buffer.from(memory, 0, SECRET_BYTES).toString('hex')
  const words = new Int32Array(memory, SECRET_BYTES)
  const ends = new Float64Array(memory, SECRET_BYTES)
  const endOf = (cell: number) => cell / 2 + 1
  const rowWords = CELLS * CELL_WORDS
  const tables = new Map(limits.map(({ name }, i): [string, Table] => [name, { firstBucket: i * BUCKETS, places: new Map() }]))

  function placeOf (limit: Limit, key: string): Place {
    const { firstBucket, places } = tables.get(limit.name)!
    let place = places.get(key)
    if (place === undefined) {
      const digest = hash('sha256', secret + key) // nobody outside can look for keys that share a bucket
      place = { bucket: firstBucket + wordOf(digest, 0) % BUCKETS, fingerprint: wordOf(digest, 1) | 0 }
      if (places.size === MAX_PLACES) places.clear()
      places.set(key, place)
    }
    return place
  }

  /** What all workers count for a key in windows that are not over. */
  function look ({ bucket, fingerprint }: Place, current: number) {
    const seen = { count: 0, endsAt: 0 }
    const first = bucket * workers * rowWords
    Atomics.load(words, first) // what follows is read after what was written before
    for (let cell = first; cell < first + workers * rowWords; cell += CELL_WORDS) {
      const endsAt = ends[endOf(cell)]!
      if (words[cell] !== fingerprint || endsAt <= current) continue
      seen.count += words[cell + COUNT]!
      seen.endsAt = Math.max(seen.endsAt, endsAt)
    }
    return seen
  }

  /** In the own row: the cell of a key, one that nobody needs any more, or that of who has counted least. */
  function cellOf ({ bucket, fingerprint }: Place, current: number): number {
    const first = (bucket * workers + index) * rowWords
    let least = first
    let leastCount = Infinity
    for (let cell = first; cell < first + rowWords; cell += CELL_WORDS) {
      if (words[cell] === fingerprint) return cell
      const count = ends[endOf(cell)]! <= current ? 0 : words[cell + COUNT]!
      if (count < leastCount) [least, leastCount] = [cell, count]
    }
    return least
  }

  function charge (limit: Limit, place: Place, current: number): number {
    const cell = cellOf(place, current)
    if (words[cell] !== place.fingerprint || ends[endOf(cell)]! <= current) {
      const { endsAt } = look(place, current)
      ends[endOf(cell)] = 0 // nobody counts a cell that is changing hands
      Atomics.store(words, cell + COUNT, 0)
      Atomics.store(words, cell, place.fingerprint)
      ends[endOf(cell)] = endsAt || current + limit.windowMs
    }
    Atomics.store(words, cell + COUNT, words[cell + COUNT]! + 1)
    return cell
  }

  function takeBack (cell: number) {
    const count = words[cell + COUNT]! - 1
    if (count === 0) ends[endOf(cell)] = 0
    Atomics.store(words, cell + COUNT, count)
  }

  function takeNow (counted: Counted, limits: readonly Limit[]): Decision {
    const current = now()
    const places = limits.map((limit) => placeOf(limit, counted[limit.by]))
    for (let attempt = 1; ; attempt++) {
      const cells = limits.map((limit, i) => charge(limit, places[i]!, current))
      let seen = places.map((place) => look(place, current))
      const refused = limits.some(({ max }, i) => seen[i]!.count > max)
      if (refused) {
        cells.forEach(takeBack)
        seen = places.map((place) => look(place, current))
        if (attempt < MAX_ATTEMPTS && limits.every(({ max }, i) => seen[i]!.count < max)) continue
      }
      const verdicts = limits.map((limit, i) => {
        const { count, endsAt } = seen[i]!
        if (!refused) ends[endOf(cells[i]!)] = endsAt // one end, where two began the window at once
        return { limit, remaining: Math.max(0, limit.max - count), resetMs: count === 0 ? limit.windowMs : endsAt - current }
      })
      return { refused, verdicts, degraded: false }
    }
  }

  return { take: takeNow, takeNow }
}

function wordOf (hex: string, index: number) {
  return Number.parseInt(hex.slice(8 * index, 8 * index + 8), 16)
}
