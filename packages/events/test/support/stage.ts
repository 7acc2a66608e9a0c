import { setTimeout as sleep } from 'node:timers/promises'
import { postCreated, postDeleted, postUpdated } from '@gatepost/contracts/posts/events'
import { type Sql, sqlOfPool } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { BrokerAccount } from '@gatepost/local-stack/system'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import pg from 'pg'
import { pino, type Logger } from 'pino'
import { createBroker, type Broker } from '../../src/broker.ts'
import { connectOperator } from '../../src/operator.ts'
import { appendEvent } from '../../src/outbox.ts'
import { createRelay, type Relay } from '../../src/relay.ts'
import { startTcpProxy } from '@gatepost/testing/tcp-proxy'

/** Closes everything that a test opened, in reverse order. */
export function createStage () {
  const closers: (() => unknown)[] = []
  return {
    defer<T> (value: T, close: (value: T) => unknown): T {
      closers.push(() => close(value))
      return value
    },
    async close () {
      for (const close of closers.splice(0).reverse()) await close()
    }
  }
}

/** A logger whose lines a test can read. */
export function recordingLog (): { log: Logger, lines: { level: number, msg: string, [key: string]: unknown }[] } {
  const lines: { level: number, msg: string }[] = []
  return { log: pino({ level: 'debug' }, { write: (line: string) => { lines.push(JSON.parse(line)) } }), lines }
}

/** Asks until the answer holds; fails with the last answer. */
export async function eventually<T> (
  ask: () => T | Promise<T>,
  holds: (value: T) => boolean = Boolean,
  within = 10_000
): Promise<T> {
  for (const deadline = Date.now() + within; ;) {
    const value = await ask()
    if (holds(value)) return value
    if (Date.now() > deadline) throw new Error(`not so within ${within} ms: ${JSON.stringify(value)}`)
    await sleep(20)
  }
}

export type Stage = Awaited<ReturnType<typeof setStage>>

/** A nats-server with the real accounts and a posts database with the real tables. */
export async function setStage () {
  const stage = createStage()
  const nats: TestBroker = stage.defer(await startBroker(), (broker) => broker.stop())
  const database: TestDatabase = stage.defer(await createDatabase('posts'), (created) => created.drop())
  const pool = stage.defer(new pg.Pool({ connectionString: database.url, max: 5 }), (opened) => opened.end())
  pool.on('error', () => undefined)
  const { log, lines } = recordingLog()
  const own = {
    ...stage,
    nats,
    database,
    pool,
    sql: sqlOfPool(pool),
    log,
    lines,
    broker: (name: BrokerAccount = 'posts'): Broker =>
      stage.defer(createBroker({ servers: nats.urlOf(name), name, log }), (broker) => broker.close()),
    relay (broker: Broker, more: object = {}): Relay {
      const relay = stage.defer(
        createRelay({ databaseUrl: database.url, service: 'posts', broker, log, ...more }),
        (started) => started.stop()
      )
      relay.start()
      return relay
    },
    /** A relay whose connection can be made worse. */
    async relayBehindProxy () {
      const proxy = stage.defer(await startTcpProxy(Number(new URL(nats.url).port)), (started) => started.stop())
      const url = new URL(nats.urlOf('posts'))
      url.port = String(proxy.port)
      return {
        proxy,
        relay: own
          .relay(stage.defer(createBroker({ servers: url.href, name: 'posts', log }), (broker) => broker.close()))
      }
    },
    admin: () => connectAs(own, 'provisioner'),
    /** One more connection with the rights to repair the stream. */
    connectOperator: async () =>
      stage.defer(await connectOperator(nats.urlOf('provisioner')), (opened) => opened.close()),
    /** One statement as the role that owns the tables. */
    async asOwner (statement: string) {
      const client = new pg.Client({ connectionString: database.ownerUrl })
      await client.connect()
      await client.query(statement).finally(() => client.end())
    },
    /** Rows of an outbox that are not in the stream. */
    async unpublished (outbox: pg.Pool = pool) {
      const { rows } = await outbox.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM outbox WHERE stream_sequence IS NULL'
      )
      return rows[0]!.count
    },
    /** How many messages the stream holds. */
    async streamed () {
      const jsm = await jetstreamManager(await own.admin(), { checkAPI: false })
      return (await jsm.streams.info('EVENTS')).state.messages
    },
    /** All messages of the stream, in its order. */
    async stream (): Promise<
      { sequence: number, subject: string, id: string, aggregate: string, version: number, header: string }[]
    > {
      const nc = await connect({
        servers: nats.urlOf('provisioner').replace(/\/\/.*@/, '//'),
        ...credentialsIn(nats.urlOf('provisioner')),
        inboxPrefix: '_INBOX_provisioner'
      })
      try {
        const jsm = await jetstreamManager(nc, { checkAPI: false })
        const { state } = await jsm.streams.info('EVENTS')
        const found = []
        for (let sequence = state.first_seq; sequence <= state.last_seq && state.messages > 0; sequence++) {
          const message = await jsm.streams.getMessage('EVENTS', { seq: sequence })
          if (!message) continue
          const event = message.json<{ id: string, subject: string, aggregateversion: number }>()
          found.push({
            sequence,
            subject: message.subject,
            id: event.id,
            aggregate: event.subject,
            version: event.aggregateversion,
            header: message.header.get('Nats-Msg-Id')
          })
        }
        return found
      } finally {
        await nc.close()
      }
    }
  }
  return own
}

export function credentialsIn (url: string) {
  const { username: user, password: pass } = new URL(url)
  return { user, pass }
}

export async function connectAs (
  { nats, defer }: { nats: TestBroker, defer: ReturnType<typeof createStage>['defer'] },
  account: BrokerAccount | undefined
): Promise<NatsConnection> {
  const url = new URL(account ? nats.urlOf(account) : nats.url)
  const nc = await connect({
    servers: url.host,
    ...account && { user: url.username, pass: url.password, inboxPrefix: `_INBOX_${account}` }
  })
  return defer(nc, (opened) => opened.close())
}

/** Appends versions `first` to `last` of one post, each in a transaction of its own. */
export async function appendVersions (pool: pg.Pool, postId: string, first: number, last: number, content = 'text') {
  for (let version = first; version <= last; version++) await appendVersion(sqlOfPool(pool), postId, version, content)
}

export async function appendVersion (sql: Sql, postId: string, version: number, content = 'text') {
  const now = new Date().toISOString()
  const post = { postId, authorId: uuidv7(), title: `version ${version}`, content }
  return version === 1
    ? appendEvent(sql, postCreated, { data: { ...post, createdAt: now }, aggregateVersion: version })
    : appendEvent(sql, postUpdated, { data: { ...post, updatedAt: now }, aggregateVersion: version })
}

export async function appendDeletion (sql: Sql, postId: string, version: number) {
  return appendEvent(sql, postDeleted, { data: { postId, authorId: uuidv7() }, aggregateVersion: version })
}
