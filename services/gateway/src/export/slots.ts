/** Places for work that takes long: a bounded number of all, and of one holder. */
export function createSlots ({ most, perHolder }: { most: number, perHolder: number }) {
  const held = new Map<string, number>()
  let total = 0
  return {
    /** Takes a place; otherwise says whose bound is reached. */
    take (holder: string): 'holder' | 'all' | undefined {
      const own = held.get(holder) ?? 0
      if (own >= perHolder) return 'holder'
      if (total >= most) return 'all'
      held.set(holder, own + 1)
      total++
      return undefined
    },
    release (holder: string) {
      const left = held.get(holder)! - 1
      if (left > 0) held.set(holder, left)
      else held.delete(holder)
      total--
    }
  }
}
