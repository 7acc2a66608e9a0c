import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { CloudEvent, EventData } from '@gatepost/contracts/event'
import { liveEvents } from '@gatepost/contracts/gateway/live-events'
import type { LiveEvent, LiveItem } from '@gatepost/events/live'

/** An event as it is sent: posts to everybody with a token, a session's end to its user. */
export interface Frame extends LiveItem {
  text: Uint8Array
  /** The only user that receives it. */
  userId?: string
  /** The session that it ends. */
  sessionId?: string
}

const liveTypes = new Set<string>(liveEvents.map(({ type }) => type))
const encoder = new TextEncoder()
/** Objects, strings and the header of a buffer, on top of its bytes. */
const FRAME_BYTES = 400

/** The frame of an event that somebody may read (HTML Living Standard 9.2.5). */
export function frameOf ({ sequence, event }: LiveEvent): Frame | undefined {
  if (!liveTypes.has(event.type)) return undefined
  const ends = isSessionEnd(event) ? event.data : undefined
  const text = encoder.encode(`id: ${sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  return {
    sequence,
    subject: event.subject,
    bytes: text.byteLength + FRAME_BYTES,
    text,
    userId: ends?.userId,
    sessionId: ends?.sessionId
  }
}

function isSessionEnd (event: CloudEvent): event is CloudEvent<EventData<typeof sessionRevoked>> {
  return event.type === sessionRevoked.type
}
