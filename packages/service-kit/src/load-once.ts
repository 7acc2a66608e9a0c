/**
 * Loads a value when it is first asked for, once for all who ask. A failed load is not kept: the next who asks loads
 * again.
 */
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
