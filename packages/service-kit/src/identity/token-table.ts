/**
 * Verdicts on tokens: at most `max`, and the latest half of the looked-up ones. Two generations forget in constant
 * time; an iterator that looks for the oldest would keep every table that the Map has outgrown.
 */
export function createTokenTable<Entry> (max: number) {
  let young = new Map<string, Entry>()
  let old = new Map<string, Entry>()

  function add (token: string, entry: Entry) {
    if (young.size >= Math.ceil(max / 2)) {
      old = young
      young = new Map()
    }
    young.set(token, entry)
  }

  return {
    add,
    get (token: string): Entry | undefined {
      const entry = young.get(token)
      if (entry !== undefined) return entry
      const aged = old.get(token)
      if (aged !== undefined) {
        old.delete(token)
        add(token, aged)
      }
      return aged
    },
    delete (token: string) {
      young.delete(token)
      old.delete(token)
    },
    get size () { return young.size + old.size }
  }
}
