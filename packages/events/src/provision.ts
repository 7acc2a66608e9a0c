import { consumers as ownConsumers, type ConsumerDefinition } from '@gatepost/contracts/events'
import { JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream'
import { connectOperator } from './operator.ts'
import { consumerConfig, deadLetterStream, eventsStream } from './provision/configuration.ts'
import { differencesOf, dangersOf } from './provision/comparison.ts'

export interface ProvisionOptions {
  /** Addresses and credentials of an account that may administer the streams; see BrokerOptions. */
  servers: string
  /** Copies of each stream, when it is made: 1, or 3 in a cluster. Default 1. */
  replicas?: number
  /** Only look; nothing is made or changed. */
  check?: boolean
  /** By default the durable consumers of the contracts. */
  consumers?: readonly ConsumerDefinition[]
}

export interface ProvisionReport {
  /** What was made or changed (or would be, with `check`). */
  changes: string[]
}

/** The streams on this server would lose events; the message says which setting and what it must be. */
export class UnsafeStreamError extends Error {
  override name = 'UnsafeStreamError'
}

/**
 * Makes the streams and durable consumers of the contracts, or brings them up to date. Safe to run again, also while
 * everything runs. Throws {@link UnsafeStreamError}, and changes nothing, when a stream exists whose limits or
 * retention could lose events; an operator must decide about such a stream.
 */
export async function provision ({ servers, replicas = 1, check = false, consumers = Object.values(ownConsumers) }: ProvisionOptions): Promise<ProvisionReport> {
  const { jsm, close } = await connectOperator(servers)
  try {
    const changes: string[] = []
    const wanted = [eventsStream(replicas), deadLetterStream(replicas)]
    const present = await Promise.all(wanted.map((config) => orMissing(jsm.streams.info(config.name))))
    const dangers = wanted.flatMap((config, at) => present[at] ? dangersOf(config, present[at].config) : [])
    if (dangers.length > 0) throw new UnsafeStreamError(dangers.join('\n'))
    for (const [at, config] of wanted.entries()) {
      if (!present[at]) {
        changes.push(`stream ${config.name}: made`)
        if (!check) await jsm.streams.add(config)
        continue
      }
      const { num_replicas: _keep, ...rest } = config
      const differences = differencesOf(rest, present[at].config)
      if (differences.length === 0) continue
      changes.push(`stream ${config.name}: ${differences.join(', ')}`)
      if (!check) await jsm.streams.update(config.name, { ...present[at].config, ...rest })
    }
    for (const consumer of consumers) await provisionConsumer(jsm, consumer, present[0], { check, changes })
    return { changes }
  } finally {
    await close()
  }
}

async function provisionConsumer (
  jsm: JetStreamManager, definition: ConsumerDefinition, stream: StreamInfo | null | undefined, { check, changes }: { check: boolean, changes: string[] }
) {
  const config = consumerConfig(definition)
  const info = stream && await orMissing(jsm.consumers.info(eventsStream(1).name, definition.name))
  if (!info) {
    changes.push(`consumer ${definition.name}: made`)
    if (!check) await jsm.consumers.add(eventsStream(1).name, config)
    return
  }
  const differences = differencesOf(config, info.config, ['deliver_policy', 'opt_start_seq'])
  if (differences.length === 0) return
  changes.push(`consumer ${definition.name}: ${differences.join(', ')}`)
  if (!check) await jsm.consumers.update(eventsStream(1).name, definition.name, config)
}

async function orMissing<T> (answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return null
    throw error
  }
}
