import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream'

/** The first message at or after a sequence whose subject passes the filter; null when there is none. */
export function nextMessage (
  jsm: JetStreamManager,
  stream: string,
  sequence: number,
  filter = '>'
): Promise<StoredMsg | null> {
  // The server knows both members together, the client's types do not.
  return jsm.streams.getMessage(stream, { seq: sequence, next_by_subj: filter } as { seq: number })
}
