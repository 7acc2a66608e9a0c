import { setTimeout as sleep } from 'node:timers/promises'
import { jetstreamManager, type JsMsg } from '@nats-io/jetstream'
import { connect, PermissionViolationError, type NatsConnection } from '@nats-io/transport-node'
import { EVENTS_STREAM, type CloudEvent } from './event-contract.ts'
import type { EventDefinition, EventOf } from './event-definition.ts'
import { ensureConsumer, NANOSECONDS, ownTurn, type Beginning } from './subscriber/consumer.ts'
import { createEventReader } from './subscriber/event-reader.ts'
import { createReceiver, type Delivery } from './subscriber/receiver.ts'

export type { Beginning, Delivery }

export interface SubscribeOptions<Definitions extends readonly unknown[]> {
  /** Address of NATS, with `user:password@` if you have credentials: `nats://127.0.0.1:4222`. */
  servers: string
  /** The events to receive: `[postCreated, postDeleted]`. */
  events: Definitions
  /**
   * A name of your own under which NATS remembers how far you are, over restarts. Without it the subscription ends with
   * the process. Several processes may share it: they take turns, and if one dies another has its event after five
   * seconds.
   */
  durable?: string
  /** Default `first`. */
  from?: Beginning
  /**
   * Events that are dealt with side by side, of different aggregates; those of one aggregate stay in order. Default 1:
   * all are in order. With more, one process at a time is given events; others that share its durable name wait until
   * it is gone.
   */
  concurrency?: number
  /**
   * Resolve when the event is dealt with: it is acknowledged then. Reject, and it comes again, after half a second at
   * first and a minute at last; everything later (of its aggregate, with `concurrency`) waits for it, so resolve for
   * what will never work.
   */
  onEvent: (event: EventOf<Definitions>, delivery: Delivery<EventOf<Definitions>>) => Promise<void> | void
  /**
   * Told of what cannot be handled: an event that does not fit its contract (it is passed over), and what `onEvent`
   * threw. Default: to standard error.
   */
  onError?: (error: Error, message: { subject: string, sequence: number }) => void
  /**
   * Under what prefix answers come. Default: that of a named subscriber, `_INBOX_<user>`, when the address has a user.
   */
  inboxPrefix?: string
}

export interface Subscription {
  /** Resolves when it ended; rejects when it cannot go on. */
  closed: Promise<void>
  /** Finishes the events at hand and disconnects. */
  stop (): Promise<void>
}

/** What nats-server takes for a name. */
const DURABLE_NAME = /^[^\s.*>/\\\p{Cc}]{1,255}$/u
const RECONNECT_MS = 500
const FLUSH_MS = 1_000
const CONFIRM_MS = 2_000
/** A subscription whose consumer is gone cannot go on. */
const ENDS = { abort_on_missing_resource: true }
/** Events out at the server for each that is dealt with: a busy aggregate leaves the others enough to do. */
const OUT_EACH = 4

/**
 * Receives events one after the other, in the stream's order, or with `concurrency` in the order of each aggregate;
 * also over failures, crashes and restarts: none before `onEvent` has resolved for every earlier one. At least once:
 * keep what you have dealt with by `event.id` (see `createDedupe`) if twice would hurt. Survives losses of the
 * connection. Throws when NATS cannot be reached at the beginning, or has no stream of events.
 */
export async function subscribe<const Definitions extends readonly unknown[]> (
  options: SubscribeOptions<Definitions>
): Promise<Subscription> {
  const { servers, durable, from = 'first', concurrency = 1, onEvent, onError = report, inboxPrefix: prefix } = options
  if (!Number.isInteger(concurrency) || concurrency < 1) throw new TypeError('concurrency is a whole number from 1 on')
  if (durable !== undefined && !DURABLE_NAME.test(durable)) {
    throw new TypeError(`durable is a name of at most 255 characters without spaces and . * > / \\, not "${durable}"`)
  }
  const definitions = options.events as readonly EventDefinition[]
  const read = createEventReader(definitions)
  const { hosts, user, pass } = addressOf(servers)
  const nc = await connect({
    servers: hosts,
    user,
    pass,
    inboxPrefix: prefix ?? (user && `_INBOX_${user}`),
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    name: durable ?? 'subscriber'
  })
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false })
    const maxOut = concurrency === 1 ? 1 : concurrency * OUT_EACH
    const { name, config } = await ensureConsumer(jsm, { durable, from, definitions, maxOut })
    const info = () => jsm.consumers.info(EVENTS_STREAM, name)
    const receiver = createReceiver({
      concurrency,
      ackWaitMs: config.ack_wait! / NANOSECONDS,
      read,
      onEvent: onEvent as (event: CloudEvent, delivery: Delivery) => Promise<void> | void,
      onError,
      // `ackAck` of the message asks once only, also when the answer was lost.
      acknowledge: async (message) => {
        await nc.request((message as JsMsg & { reply: string }).reply, '+ACK', { timeout: CONFIRM_MS })
      },
      info
    })
    const stopping = new AbortController()
    const consumer = await jsm.jetstream().consumers.get(EVENTS_STREAM, name)
    const closed = (async () => {
      const out = concurrency === 1 ? 0 : await ownTurn(info, stopping.signal)
      if (!stopping.signal.aborted) {
        const messages = await consumer.consume({ max_messages: Math.max(64, maxOut), expires: 10_000, ...ENDS })
        stopping.signal.addEventListener('abort', () => messages.stop())
        receiver.begin(out)
        void watch(nc, receiver)
        for await (const message of messages) receiver.take(message)
      }
    })().finally(() => receiver.stop()).finally(() => hangUp(nc))
    return {
      closed,
      async stop () {
        stopping.abort()
        await closed
      }
    }
  } catch (error) {
    await nc.close()
    throw explained(error, durable)
  }
}

/** Says what to do where NATS lets the user have no such subscription. */
function explained (cause: unknown, durable: string | undefined) {
  if (!(cause instanceof Error && cause.cause instanceof PermissionViolationError)) return cause
  const refused = durable === undefined ? 'a subscription without a durable name' : `the durable name "${durable}"`
  return new Error(
    `NATS refuses ${refused} to this user: choose a name that it may have; \`pnpm events subscriber add\` prints them`,
    { cause }
  )
}

async function watch (nc: NatsConnection, receiver: ReturnType<typeof createReceiver>) {
  for await (const { type } of nc.status()) {
    if (type === 'disconnect') receiver.interrupted()
    else if (type === 'reconnect') receiver.begin()
  }
}

function addressOf (servers: string) {
  const urls = servers.split(',').map((server) =>
    new URL(server.includes('://') ? server.trim() : `nats://${server.trim()}`)
  )
  const { username, password } = urls.find((url) => url.username !== '') ?? urls[0]!
  return {
    hosts: urls.map((url) => `${url.protocol}//${url.hostname}:${url.port || '4222'}`),
    ...username !== '' && { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
  }
}

/** What was given back is on its way before the connection ends, if there is one. */
async function hangUp (nc: NatsConnection) {
  const late = new AbortController()
  await Promise.race([nc.flush(), sleep(FLUSH_MS, undefined, { signal: late.signal })]).catch(() => undefined)
  late.abort()
  await nc.close()
}

function report (error: Error, { subject, sequence }: { subject: string, sequence: number }) {
  process.stderr.write(`${subject} #${sequence}: ${error.message}\n`)
}
