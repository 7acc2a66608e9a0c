import { envelopeOf, EVENTS_STREAM, type CloudEvent, type EventData } from '@gatepost/contracts/event'
import type { KnownEvent } from '@gatepost/contracts/events'
import type { liveEvents } from '@gatepost/contracts/gateway/live-events'

// As contract.ts: the build replaces this module by its types and values written out.

export { envelopeOf, EVENTS_STREAM, type CloudEvent }
export * from '@gatepost/contracts/auth/events'
export * from '@gatepost/contracts/posts/events'

/** The `data` of each event, by type. */
export type Events = { [Definition in KnownEvent as Definition['type']]: EventData<Definition> }

/** The events of `GET /api/events`. */
export type LiveEventType = typeof liveEvents[number]['type']
