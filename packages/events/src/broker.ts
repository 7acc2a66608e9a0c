import { setTimeout as sleep } from 'node:timers/promises'
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import { addressOf } from './broker/address.ts'
import { createRefusals, type Refusal } from './broker/refusals.ts'

export type BrokerStatus = 'connected' | 'connecting' | 'closed'

/** The part of a logger that is used here. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

/** The connection of one process to NATS, kept for as long as the process lives. */
export interface Broker {
  status (): BrokerStatus
  /** The connection while it is up; a message published on a connection that is down is lost silently. */
  connection (): NatsConnection | undefined
  /** Resolves with the connection as soon as it is up; rejects once the broker is closed. */
  connected (): Promise<NatsConnection>
  jetstream (): JetStreamClient | undefined
  /** Calls back at every change of the status; returns how to stop that. */
  onChange (listener: (status: BrokerStatus) => void): () => void
  /** Calls back at each permission violation; returns how to stop that. */
  onRefusal (listener: (refusal: Refusal) => void): () => void
  /** Flushes published messages and closes; waits two seconds at most. */
  close (): Promise<void>
}

export interface BrokerOptions {
  /** Comma-separated `nats://` addresses, with `user:password@` where the server asks for it. */
  servers: string
  /** The service's name: shown by the server's monitoring, and the prefix of the inboxes that its account may use. */
  name: string
  log: Log
}

/** The inbox prefix that the account of a service owns; nobody else may listen there. */
export function inboxPrefixOf (name: string) {
  return `_INBOX_${name}`
}

/**
 * Connects in the background, for ever: never throws because NATS is away, and is back within half a second of its
 * return. One line is logged when the connection is lost and one when it is back.
 */
export function createBroker ({ servers, name, log }: BrokerOptions): Broker {
  const { hosts, user, pass } = addressOf(servers)
  const listeners = new Set<(status: BrokerStatus) => void>()
  const refusals = createRefusals(log)
  let status: BrokerStatus = 'connecting'
  let connection: NatsConnection | undefined
  let client: JetStreamClient | undefined
  const closing = new AbortController()

  function become (next: BrokerStatus) {
    if (status === next || status === 'closed') return
    status = next
    for (const listener of [...listeners]) listener(next)
  }

  async function open () {
    let announced = false
    while (!closing.signal.aborted) {
      try {
        return await connect({
          servers: hosts,
          user,
          pass,
          name,
          inboxPrefix: inboxPrefixOf(name),
          timeout: 2_000,
          ignoreAuthErrorAbort: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 200,
          reconnectJitter: 100,
          pingInterval: 2_000,
          maxPingOut: 2,
          noAsyncTraces: true
        })
      } catch (error) {
        if (!announced) log.warn({ err: error, servers: hosts }, 'NATS cannot be reached; retrying')
        announced = true
        await sleep(250, undefined, { ref: false })
      }
    }
    return undefined
  }

  async function watch (nc: NatsConnection) {
    for await (const change of nc.status()) {
      if (change.type === 'disconnect' && status === 'connected') {
        log.warn({ servers: hosts }, 'NATS connection lost; retrying')
        become('connecting')
      } else if (change.type === 'reconnect') {
        log.info({ server: nc.getServer() }, 'NATS connection is back')
        become('connected')
      } else if (change.type === 'error') {
        refusals.hear(change.error)
      }
    }
  }

  async function run () {
    const nc = await open()
    if (!nc) return
    if (closing.signal.aborted) return nc.close()
    connection = nc
    client = jetstream(nc, { timeout: 5_000 })
    log.info({ server: nc.getServer() }, 'NATS connection is up')
    become('connected')
    await Promise.race([watch(nc), nc.closed()])
  }
  const running = run()

  return {
    status: () => status,
    connection: () => status === 'connected' ? connection : undefined,
    jetstream: () => status === 'connected' ? client : undefined,
    connected () {
      if (status === 'connected') return Promise.resolve(connection!)
      if (status === 'closed') return Promise.reject(new Error('the broker is closed'))
      return new Promise((resolve, reject) => {
        const stop = this.onChange((next) => {
          stop()
          if (next === 'connected') resolve(connection!)
          else reject(new Error('the broker is closed'))
        })
      })
    },
    onChange (listener) {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    onRefusal: refusals.onRefusal,
    async close () {
      closing.abort()
      if (status === 'connected') {
        await Promise.race([
          connection!.drain().catch((error: unknown) =>
            log.debug({ err: error }, 'the connection broke while it was drained')
          ),
          sleep(2_000, undefined, { ref: false })
        ])
      }
      become('closed')
      await connection?.close()
      await running
    }
  }
}
