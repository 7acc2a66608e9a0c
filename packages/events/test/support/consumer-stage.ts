import type { CloudEvent } from '@gatepost/contracts/event'
import { consumers } from '@gatepost/contracts/events'
import { createConsumer, type ConsumerOptions } from '../../src/consumer.ts'
import { outstandingOf } from '../../src/rewind.ts'
import { createEffects, recordAll, transactionOf, type Tx } from './effects.ts'
import { eventually, setStage } from './stage.ts'

export type ConsumerStage = Awaited<ReturnType<typeof setConsumerStage>>

/** A stage with an operator and a feed database, on which the consumer `feed-posts` can be started. */
export async function setConsumerStage () {
  const stage = await setStage()
  const operator = await stage.connectOperator()
  const { pool: feed, url: feedUrl, asOwner: asFeedOwner } = await createEffects(stage)
  const transaction = transactionOf(feed)
  const info = () => operator.jsm.consumers.info('EVENTS', 'feed-posts')

  return {
    ...stage,
    operator,
    feed,
    feedUrl,
    asFeedOwner,
    transaction,
    /** Puts an event into the stream, without an outbox. */
    publish: (event: CloudEvent) => operator.js.publish(`events.${event.type}`, JSON.stringify(event)),
    /** Starts a replica that records an effect for each event. */
    consume (more: Partial<ConsumerOptions<Tx>> = {}) {
      const consumer = stage.defer(
        createConsumer<Tx>({
          broker: stage.broker('feed'),
          definition: consumers['feed-posts']!,
          handlers: recordAll,
          transaction,
          log: stage.log,
          ...more
        }),
        (started) => started.stop()
      )
      consumer.start()
      return consumer
    },
    /** The server's view of the durable consumer. */
    info,
    /** Versions of a post in the order of their effects. */
    async effectsOf (post: string) {
      const { rows } = await feed.query<{ version: number }>(
        'SELECT version FROM effects WHERE post = $1 ORDER BY id',
        [post]
      )
      return rows.map(({ version }) => version)
    },
    /** Resolves once every event is acknowledged. */
    settled: () => eventually(() => outstandingOf(operator, 'feed-posts'), (left) => left === 0),
    /** Lines of the log whose message contains the text. */
    said: (text: string) => stage.lines.filter(({ msg }) => msg.includes(text))
  }
}
