import { JetStreamApiError } from '@nats-io/jetstream'

/** Null in place of a rejection that says that there is no such stream, consumer or message. */
export async function orMissing<T> (answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return null
    throw error
  }
}
