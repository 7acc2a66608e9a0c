import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { JetStreamManager } from '@nats-io/jetstream'
import { nextMessage } from './next-message.ts'

/**
 * The sequence of the first message stored at or after a time; one past the last when there is none. The search is done
 * here: after a restart, nats-server 2.9 begins a consumer by time at the stream's end when the last message is erased,
 * and revocations would be passed over.
 */
export async function sequenceAt (jsm: JetStreamManager, time: Date): Promise<number> {
  const { state } = await jsm.streams.info(EVENTS_STREAM)
  let low = Math.max(1, state.first_seq)
  let high = state.last_seq + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const message = await nextMessage(jsm, EVENTS_STREAM, middle)
    if (!message || message.time >= time) high = middle
    else low = message.seq + 1
  }
  return low
}
