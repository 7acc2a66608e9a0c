export interface Random {
  /** A whole number below `limit`. */
  below (limit: number): number
  pick<Item> (items: readonly Item[]): Item
}

/** The same numbers for the same seed (mulberry32), so that a run can be repeated. */
export function createRandom (seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { below, pick: (items) => items[below(items.length)]! }
}
