/** A value, or the promise of one. */
export type MaybePromise<Value> = Value | Promise<Value>

/**
 * Continues with a value: at once where it is there, since every promise costs a request a turn of the event loop's
 * queues.
 */
export function andThen<Value, Result> (
  value: MaybePromise<Value>,
  next: (value: Value) => MaybePromise<Result>
): MaybePromise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}
