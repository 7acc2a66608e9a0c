/** At most `count` holders at a time; the rest wait in the order in which they came. */
export function createSlots (count: number) {
  let free = count
  const waiting: (() => void)[] = []

  function release () {
    const next = waiting.shift()
    if (next) next()
    else free++
  }

  /** Resolves with how to give the slot back, once. */
  async function take (): Promise<() => void> {
    if (free > 0) free--
    else await new Promise<void>((resolve) => { waiting.push(resolve) })
    return release
  }

  return {
    take,
    async run<Result> (work: () => Promise<Result>) {
      await take()
      try {
        return await work()
      } finally {
        release()
      }
    }
  }
}
