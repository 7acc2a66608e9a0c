/** A value that is there already, or one that has to be waited for. */
export type MaybePromise<Value> = Value | Promise<Value>

/**
 * Goes on with a value: at once where it is there, since every promise costs a request a turn of the event loop's
 * queues.
 */
export function andThen<Value, Result> (
  value: MaybePromise<Value>,
  next: (value: Value) => MaybePromise<Result>
): MaybePromise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}
