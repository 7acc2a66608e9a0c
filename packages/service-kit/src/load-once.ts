/** Loads a value at the first call, once for all callers. A failed load is not kept: the next call loads again. */
export function loadOnce<Value> (load: () => Promise<Value>): () => Promise<Value> {
  let loading: Promise<Value> | undefined
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
}
