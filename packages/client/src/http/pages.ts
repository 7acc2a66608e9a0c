interface Page {
  items: unknown[]
  nextCursor: string | null
}

/** The items of all pages from the one that is asked for, each page fetched when the one before is used up. */
export async function * itemsOf (
  pageAfter: (cursor: string | undefined) => Promise<{ body: unknown }>,
  first: string | undefined
): AsyncGenerator<unknown, void, undefined> {
  for (let cursor: string | null | undefined = first; cursor !== null;) {
    const { items, nextCursor } = (await pageAfter(cursor)).body as Page
    yield * items
    cursor = nextCursor
  }
}
