import { median } from '../lab/statistics.ts'

export type Verdict = 'slower' | 'faster' | 'as before'

/** How probable it may be that pairs without any difference look like one: seven of eight on one side do. */
const CHANCE = 0.04

/**
 * Whether the ratios of pairs say that something changed by more than the threshold: by their median, and by
 * so many of them on one side of 1 that a coin would hardly fall so often. Too few pairs never say anything.
 */
export function judge (ratios: number[], threshold: number): Verdict {
  const middle = median(ratios)
  const below = ratios.filter((ratio) => ratio < 1).length
  if (middle < 1 - threshold && tail(ratios.length, below) < CHANCE) return 'slower'
  if (middle > 1 / (1 - threshold) && tail(ratios.length, ratios.length - below) < CHANCE) return 'faster'
  return 'as before'
}

/** The probability of at least `heads` heads in `throws` throws. */
function tail (throws: number, heads: number): number {
  let chance = 0
  let ways = 1 // of throwing all heads, then one tail, two …
  for (let tails = 0; tails <= throws - heads; tails++) {
    chance += ways / 2 ** throws
    ways = ways * (throws - tails) / (tails + 1)
  }
  return chance
}
