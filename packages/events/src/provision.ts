import { consumers as ownConsumers, type ConsumerDefinition } from '@gatepost/contracts/events'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import {
  type ConsumerConfig,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo
} from '@nats-io/jetstream'
import { connectOperator, orMissing } from './operator.ts'
import { makeAnew } from './provision/anew.ts'
import { consumerConfig, DEAD_LETTER_STREAM, deadLetterStream, eventsStream } from './provision/configuration.ts'
import { differencesOf, dangersOf } from './provision/comparison.ts'

/** The streams that a system has. */
export const STREAMS = [EVENTS_STREAM, DEAD_LETTER_STREAM] as const

export interface ProvisionOptions {
  /** Addresses and credentials of an account that may administer the streams; see BrokerOptions. */
  servers: string
  /**
   * Copies of each stream, existing ones included: 1, or 3 or 5 in a cluster. By default a new stream has 1, and an
   * existing one keeps its number.
   */
  replicas?: number | undefined
  /**
   * Bytes of all events together. A stream that is full takes no more, and events wait in the outboxes. By default the
   * server's disk is the limit.
   */
  maxBytes?: number | undefined
  /** Only look; nothing is made or changed. */
  check?: boolean
  /** By default the durable consumers of the contracts. */
  consumers?: readonly ConsumerDefinition[]
}

export interface ProvisionReport {
  /** The changes that were made, or would be, with `check`. */
  changes: string[]
}

/**
 * The streams on this server would lose events, or cannot have the wanted setting; the message names the setting and
 * the remedy.
 */
export class UnsafeStreamError extends Error {
  override name = 'UnsafeStreamError'
}

const CLUSTER = 'more than 1 needs a cluster of at least as many servers, all up; unset it to keep what is there'

const REPLICAS = ['1', '3', '5']

/** The number in NATS_REPLICAS; undefined when it is not set. Throws a line for the operator. */
export function replicasFrom (text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!REPLICAS.includes(text)) {
    throw new Error(`NATS_REPLICAS is "${text}": it needs 1, or 3 or 5 on a cluster of as many servers`)
  }
  return Number(text)
}

const SMALLEST_STREAM = 1_048_576

/** What NATS_REPLICAS and EVENTS_MAX_BYTES ask for. Throws a line for the operator. */
export function streamSettingsFrom (
  { NATS_REPLICAS, EVENTS_MAX_BYTES: bytes = '' }: Readonly<Record<string, string | undefined>>
): Pick<ProvisionOptions, 'replicas' | 'maxBytes'> {
  if (bytes !== '' && !(/^\d{1,15}$/.test(bytes) && Number(bytes) >= SMALLEST_STREAM)) {
    throw new Error(`EVENTS_MAX_BYTES is "${bytes}": it needs a whole number from ${SMALLEST_STREAM}`)
  }
  return { replicas: replicasFrom(NATS_REPLICAS), maxBytes: bytes === '' ? undefined : Number(bytes) }
}

interface Provisioning {
  jsm: JetStreamManager
  check: boolean
  changes: string[]
}

/**
 * Makes the streams and durable consumers of the contracts, or brings them up to date. Safe to run again, also while
 * everything runs. Throws {@link UnsafeStreamError}, and changes nothing, when a stream exists whose limits or
 * retention could lose events: the operator decides about that stream.
 */
export async function provision (
  { servers, replicas, maxBytes, check = false, consumers = Object.values(ownConsumers) }: ProvisionOptions
): Promise<ProvisionReport> {
  const { nc, jsm, close } = await connectOperator(servers)
  try {
    // A single server of version 2.9 takes the setting for an existing stream, and keeps one copy.
    if (replicas !== undefined && replicas > 1 && !nc.info?.cluster) {
      throw new UnsafeStreamError(`NATS_REPLICAS is ${replicas}, and this NATS is a single server: ${CLUSTER}`)
    }
    const provisioning: Provisioning = { jsm, check, changes: [] }
    const wanted = [{ ...eventsStream(), ...maxBytes && { max_bytes: maxBytes } }, deadLetterStream()]
    const present = await Promise.all(wanted.map((config) => orMissing(jsm.streams.info(config.name))))
    const dangers = wanted.flatMap((config, at) => present[at] ? dangersOf(config, present[at].config) : [])
    if (dangers.length > 0) throw new UnsafeStreamError(dangers.join('\n'))
    for (const [at, config] of wanted.entries()) {
      await provisionStream({ ...config, ...replicas && { num_replicas: replicas } }, present[at]!, provisioning)
    }
    for (const consumer of consumers) await provisionConsumer(consumer, present[0]!, provisioning)
    return { changes: provisioning.changes }
  } finally {
    await close()
  }
}

async function provisionStream (
  config: Partial<StreamConfig> & { name: string },
  present: StreamInfo | null,
  { jsm, check, changes }: Provisioning
) {
  if (!present) {
    changes.push(`stream ${config.name}: made`)
    if (!check) await jsm.streams.add({ num_replicas: 1, ...config }).catch(refused(`stream ${config.name}`))
    return
  }
  const differences = differencesOf(config, present.config)
  if (differences.length === 0) return
  changes.push(`stream ${config.name}: ${differences.join(', ')}`)
  if (!check) await jsm.streams.update(config.name, { ...present.config, ...config }).catch(refused(changes.at(-1)!))
}

function refused (change: string) {
  return (error: unknown) => {
    if (!(error instanceof JetStreamApiError)) throw error
    const advice = /replica|peer|resource/.test(`${change} ${error.message}`)
      ? `NATS_REPLICAS: ${CLUSTER}`
      : 'change it by hand, or move the events to a new stream (nats stream backup and restore)'
    throw new UnsafeStreamError(`${change}: NATS refuses it (${error.message}); ${advice}`, { cause: error })
  }
}

/** Where a consumer begins is for its first start alone, and an operator may have rewound it since. */
const BEGINNING = ['deliver_policy', 'opt_start_seq']

async function provisionConsumer (
  definition: ConsumerDefinition,
  stream: StreamInfo | null,
  { jsm, check, changes }: Provisioning
) {
  const config = consumerConfig(definition)
  const info = stream && await orMissing(jsm.consumers.info(EVENTS_STREAM, definition.name))
  if (!info) {
    changes.push(`consumer ${definition.name}: made`)
    if (!check) await jsm.consumers.add(EVENTS_STREAM, config)
    return
  }
  const differences = differencesOf(config, info.config, BEGINNING)
  if (differences.length === 0) return
  changes.push(`consumer ${definition.name}: ${differences.join(', ')}`)
  if (check) return
  const { deliver_policy: policy, opt_start_seq: start } = info.config
  try {
    await jsm.consumers.update(
      EVENTS_STREAM,
      definition.name,
      { ...config, deliver_policy: policy, ...start && { opt_start_seq: start } } as Partial<ConsumerConfig>
    )
    const updated = await jsm.consumers.info(EVENTS_STREAM, definition.name)
    if (differencesOf(config, updated.config, BEGINNING).length === 0) return
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error
  }
  // A setting that the server cannot change needs a new consumer, after the last acknowledgement; the inbox skips
  // repetitions.
  await makeAnew(jsm, definition, Math.max(info.ack_floor.stream_seq + 1, start ?? 1))
}
