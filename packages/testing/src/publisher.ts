import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { EventDefinition } from '@gatepost/contracts/event'
import { createBroker } from '@gatepost/events/broker'
import { type EventOf, outboxRow, type OutboxRow } from '@gatepost/events/outbox'
import { createLog } from '@gatepost/service-kit/log'

export interface EventPublisher {
  /** Resolves with the sequence in the stream. */
  publish<Definition extends EventDefinition> (definition: Definition, event: EventOf<Definition>): Promise<number>
  /** Publishes the same message again, as after a lost acknowledgement. */
  publishRow (row: OutboxRow, messageId?: string): Promise<number>
  close (): Promise<void>
}

/** Publishes events as a service's relay does, without that service. */
export async function startPublisher (natsUrl: string, name: string): Promise<EventPublisher> {
  const broker = createBroker({ servers: natsUrl, name, log: createLog(name, 'silent') })
  await broker.connected()
  async function publishRow ({ eventId, subject, payload }: OutboxRow, messageId = eventId) {
    const { seq } = await broker.jetstream()!.publish(subject, payload, { msgID: messageId })
    return seq
  }
  return {
    publish: (definition, event) => publishRow(outboxRow(definition, event)),
    publishRow,
    close: () => broker.close()
  }
}

/** Announces the end of a session as auth does after a logout. */
export function revokeSession (auth: EventPublisher, session: { userId: string, sessionId: string }) {
  const data = { ...session, reason: 'logout', expiresAt: new Date(Date.now() + 600_000).toISOString() } as const
  return auth.publish(sessionRevoked, { data, aggregateVersion: 1 })
}
