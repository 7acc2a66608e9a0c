import { isDeepStrictEqual } from 'node:util'
import {
  envelopeOf,
  EVENTS_STREAM,
  type CloudEvent,
  type EventData,
  type EventDefinition
} from '@gatepost/contracts/event'
import {
  AckPolicy,
  DeliverPolicy,
  jetstreamManager,
  JetStreamApiError,
  type ConsumerInfo,
  type ConsumerMessages,
  type JetStreamManager,
  type JsMsg
} from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Ajv, type ValidateFunction } from 'ajv'

/** Where a new subscription begins; a durable one that exists goes on where it was. */
export type Beginning = 'first' | 'now' | { sequence: number }

export interface Delivery<Event = CloudEvent> {
  event: Event
  /** The position in the stream, for reading on from there without a durable subscription. */
  sequence: number
  /** Whether it may have been delivered before. */
  redelivered: boolean
}

/** The CloudEvent of each of the definitions, told apart by its `type`. */
export type EventOf<Definitions extends readonly unknown[]> = Definitions[number] extends infer Definition
  ? Definition extends { type: string } ? CloudEvent<EventData<Definition>> : never
  : never

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
   * Resolve when the event is dealt with: it is acknowledged then. Reject, and it comes again, after half a second at
   * first and a minute at last; everything later waits for it, so resolve for what will never work.
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
  /** Finishes the event at hand and disconnects. */
  stop (): Promise<void>
}

/** What a process had when it died comes again after this; who is at work says so every third of it. */
const ACK_WAIT_MS = 5_000
const NANOSECONDS = 1e6
const RECONNECT_MS = 500
/**
 * With more than one out, those that a dead process or a broken connection had would come again after later ones. With
 * one, the server itself keeps the order, whoever comes and goes, for the price of a round trip for each event.
 */
const IN_ORDER = { max_ack_pending: 1, max_deliver: -1 }
const redeliveryDelay = (deliveries: number) => Math.min(60_000, 500 * 2 ** (deliveries - 1))

/**
 * Receives events one after the other, in the stream's order, also over failures, crashes and restarts: none before
 * `onEvent` has resolved for every earlier one. At least once: keep what you have dealt with by `event.id` (see
 * {@link createDedupe}) if twice would hurt. An event costs a round trip to NATS besides your own work. Survives losses
 * of the connection. Throws when NATS cannot be reached at the beginning, or has no stream of events.
 */
export async function subscribe<const Definitions extends readonly unknown[]> (
  options: SubscribeOptions<Definitions>
): Promise<Subscription> {
  const { servers, durable, from = 'first', onEvent, onError = report, inboxPrefix: prefix } = options
  const definitions = options.events as readonly EventDefinition[]
  const validators = validatorsOf(definitions)
  const { hosts, user, pass } = addressOf(servers)
  const inboxPrefix = prefix ?? (user && `_INBOX_${user}`)
  const nc = await connect({
    servers: hosts,
    user,
    pass,
    inboxPrefix,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    name: durable ?? 'subscriber'
  })
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false })
    const { name, config } = await ensureConsumer(jsm, { durable, from, filter: filterOf(definitions) })
    const messages = await (await jsm.jetstream().consumers.get(EVENTS_STREAM, name)).consume({
      max_messages: 64,
      expires: 10_000,
      abort_on_missing_resource: true
    })
    const running = receive(messages, {
      heartbeatMs: config.ack_wait! / NANOSECONDS / 3,
      validators,
      onError,
      onEvent: onEvent as (event: CloudEvent, delivery: Delivery) => Promise<void> | void
    })
    return {
      closed: running.finally(() => nc.close()),
      async stop () {
        messages.stop()
        await running
        await disconnect(nc)
      }
    }
  } catch (error) {
    await nc.close()
    throw error
  }
}

interface Receiver {
  heartbeatMs: number
  validators: Map<string, ValidateFunction>
  onError: (error: Error, message: { subject: string, sequence: number }) => void
  onEvent: (event: CloudEvent, delivery: Delivery) => Promise<void> | void
}

async function receive (messages: ConsumerMessages, receiver: Receiver) {
  for await (const message of messages) await receiveOne(message, receiver)
}

async function receiveOne (message: JsMsg, { heartbeatMs, validators, onError, onEvent }: Receiver) {
  const validate = validators.get(message.subject)
  if (!validate) return message.ack() // passes the filter and was not asked for
  const place = { subject: message.subject, sequence: message.seq }
  const heartbeat = setInterval(() => message.working(), heartbeatMs)
  try {
    const event = parse(message)
    if (!validate(event)) {
      onError(
        new Error(`event ${message.seq} does not fit its contract: ${
          validate.errors?.map((error) => `${error.instancePath} ${error.message}`).join('; ')
        }`),
        place
      )
      return message.term()
    }
    await onEvent(event, { event, sequence: message.seq, redelivered: message.redelivered })
    message.ack()
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)), place)
    message.nak(redeliveryDelay(message.info.deliveryCount))
  } finally {
    clearInterval(heartbeat)
  }
}

function parse (message: JsMsg): CloudEvent {
  try {
    return message.json<CloudEvent>()
  } catch {
    return {} as CloudEvent // which fits no contract
  }
}

function validatorsOf (definitions: readonly EventDefinition[]) {
  if (definitions.length === 0) throw new TypeError('name at least one event')
  const ajv = new Ajv({ strict: false })
  return new Map(definitions.map((definition) => [definition.subject, ajv.compile(envelopeOf(definition))]))
}

/** nats-server 2.9 takes one filter: the narrowest that lets all of them through. */
function filterOf (definitions: readonly EventDefinition[]) {
  const [first, ...others] = definitions.map((definition) => definition.subject)
  if (others.length === 0) return first!
  const owners = new Set(definitions.map((definition) => definition.owner))
  return owners.size === 1 ? `events.${[...owners][0]}.>` : 'events.>'
}

async function ensureConsumer (
  jsm: JetStreamManager,
  { durable, from, filter }: { durable: string | undefined, from: Beginning, filter: string }
): Promise<ConsumerInfo> {
  const wanted = { filter_subject: filter, ...IN_ORDER }
  const config = {
    ...durable
      ? { durable_name: durable }
      : { name: `reader-${crypto.randomUUID()}`, inactive_threshold: 60_000 * NANOSECONDS },
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT_MS * NANOSECONDS,
    ...wanted
  }
  const known = durable ? await orMissing(jsm.consumers.info(EVENTS_STREAM, durable)) : undefined
  if (!known) return jsm.consumers.add(EVENTS_STREAM, { ...config, ...beginningOf(from) })
  return isDeepStrictEqual({ ...known.config, ...wanted }, known.config)
    ? known
    : jsm.consumers.update(EVENTS_STREAM, known.name, wanted)
}

function beginningOf (from: Beginning) {
  if (from === 'first') return { deliver_policy: DeliverPolicy.All }
  if (from === 'now') return { deliver_policy: DeliverPolicy.New }
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence }
}

async function orMissing<T> (answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return undefined
    throw error
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

async function disconnect (nc: NatsConnection) {
  if (!nc.isClosed()) await nc.drain()
}

function report (error: Error, { subject, sequence }: { subject: string, sequence: number }) {
  process.stderr.write(`${subject} #${sequence}: ${error.message}\n`)
}
