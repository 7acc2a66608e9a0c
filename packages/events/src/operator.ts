import { JetStreamApiError, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { addressOf } from './broker/address.ts'
import { inboxPrefixOf } from './broker.ts'

/** A connection for one task of an operator, or of a deployment; unlike a Broker it fails when NATS is away. */
export interface Operator {
  nc: NatsConnection
  js: JetStreamClient
  jsm: JetStreamManager
  close (): Promise<void>
}

/** Connects with the credentials in the address, or as a reader without. Throws within five seconds when it cannot. */
export async function connectOperator (servers: string): Promise<Operator> {
  const { hosts, user, pass } = addressOf(servers)
  const nc = await connect({
    servers: hosts,
    user,
    pass,
    name: 'operator',
    timeout: 5_000,
    reconnect: false,
    ...user && { inboxPrefix: inboxPrefixOf(user) }
  })
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: 5_000 })
  return { nc, jsm, js: jsm.jetstream(), close: () => nc.close() }
}

/** Null in place of the rejection for a missing stream, consumer or message. */
export async function orMissing<T> (answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return null
    throw error
  }
}
