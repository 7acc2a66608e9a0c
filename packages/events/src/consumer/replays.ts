import type { ConsumerDefinition } from '@gatepost/contracts/events'
import type { Msg, Subscription } from '@nats-io/nats-core'
import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { replaySubject } from '../provision/configuration.ts'
import { parseEvent } from '../validation.ts'
import { handle, type Handler, type Transaction } from './handling.ts'
import type { InboxVerdict } from './inbox.ts'

/** The end of a replayed event: applied now, applied before, too early, or failed again. */
export type ReplayAnswer = { verdict: InboxVerdict } | { error: string }

/**
 * Handles dead letters that an operator sends back, one at a time, and answers each with its verdict: a letter is
 * dropped only when its event is known to be applied. Returns how to stop.
 */
export function answerReplays<Tx> ({ broker, definition, handlers, transaction, log }: {
  broker: Broker
  definition: ConsumerDefinition
  handlers: Record<string, Handler<Tx>>
  transaction: Transaction<Tx>
  log: Logger
}): () => void {
  let subscription: Subscription | undefined
  let stopped = false

  async function apply (message: Msg): Promise<ReplayAnswer> {
    try {
      const verdict = await handle(parseEvent(message.data), false, {
        definition,
        handlers,
        transaction,
        alone: (work) => work()
      })
      log.info({ verdict }, 'dead letter replayed')
      return { verdict }
    } catch (error) {
      log.warn({ err: error }, 'dead letter failed again')
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }

  broker.connected().then(async (nc) => {
    if (stopped) return
    subscription = nc.subscribe(replaySubject(definition.name), { queue: definition.name })
    for await (const message of subscription) message.respond(JSON.stringify(await apply(message)))
  }).catch((error: unknown) => { if (!stopped) log.warn({ err: error }, 'dead letters cannot be replayed here') })

  return () => {
    stopped = true
    subscription?.unsubscribe()
  }
}
