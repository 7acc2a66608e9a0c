/** What is known of tokens: at most `max` of them, the ones that came first leave first. */
export function createTokenTable<Entry> (max: number) {
  const tokens = new Map<string, Entry>()
  // One iterator for good: a new one would walk over everything that was deleted before the first that is left.
  const oldest = tokens.keys()
  return {
    get: (token: string) => tokens.get(token),
    add (token: string, entry: Entry) {
      if (tokens.size >= max) tokens.delete(oldest.next().value!)
      tokens.set(token, entry)
    },
    delete: (token: string) => { tokens.delete(token) },
    get size () { return tokens.size }
  }
}
