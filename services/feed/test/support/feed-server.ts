import { userDeleted, userRegistered, userUpdated } from '@gatepost/contracts/auth/events'
import type { FeedPage } from '@gatepost/contracts/feed/operations'
import { postCreated, postDeleted, postUpdated } from '@gatepost/contracts/posts/events'
import { createLog } from '@gatepost/service-kit/log'
import { parseSettings } from '@gatepost/service-kit/settings'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { createDatabase } from '@gatepost/testing/database'
import { type EventPublisher, startPublisher } from '@gatepost/testing/publisher'
import { ISSUER, startTokenIssuer } from '@gatepost/testing/token-issuer'
import pg from 'pg'
import { Registry } from 'prom-client'
import { buildApp } from '../../src/app.ts'
import { settingsSchema } from '../../src/config.ts'

/** The real app with a database and a nats-server of its own, and publishers in the place of auth and posts. */
export async function startFeed ({ tablespace, env = {} }: { tablespace?: string, env?: Record<string, string> } = {}) {
  const [database, issuer, broker] = await Promise.all([
    createDatabase('feed', { hostile: true, tablespace }),
    startTokenIssuer(),
    startBroker()
  ])
  const settings = parseSettings(settingsSchema, {
    FEED_DATABASE_URL: database.url,
    AUTH_URL: issuer.url,
    PUBLIC_URL: ISSUER,
    NATS_URL: broker.urlOf('feed'),
    ...env
  })
  /** The app, as soon as it judges tokens, unless it is not to wait for that. */
  async function build ({ waits = true } = {}) {
    const app = await buildApp({ settings, log: createLog('feed', 'silent'), registry: new Registry() })
    if (waits) await app.revoked.ready
    return app
  }
  let app = await build()
  const [auth, posts] = await Promise.all([
    startPublisher(broker.urlOf('auth'), 'auth'),
    startPublisher(broker.urlOf('posts'), 'posts')
  ])
  const sql = new pg.Pool({ connectionString: database.ownerUrl, max: 2 })
  sql.on('error', () => {}) // dropping the database ends what is left of its connections
  async function get (
    query = '',
    { token = issuer.token(), headers = {} }: { token?: string, headers?: Record<string, string> } = {}
  ) {
    return app.inject({ url: `/api/feed${query}`, headers: { authorization: `Bearer ${token}`, ...headers } })
  }
  return {
    get app () { return app },
    /** Another replica of the service, on the same database and broker. */
    startReplica: build,
    database,
    broker,
    auth,
    posts,
    sql,
    issuer,
    get,
    async items (query = '?limit=100') {
      const answer = await get(query)
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${answer.body}`)
      return answer.json<FeedPage>().items
    },
    async restart (options?: { waits: boolean }) {
      await app.close()
      app = await build(options)
    },
    async stop () {
      await app.close()
      await Promise.all([auth.close(), posts.close(), sql.end()])
      await issuer.stop()
      await broker.stop()
      await database.drop()
    }
  }
}
export type FeedUnderTest = Awaited<ReturnType<typeof startFeed>>
export type { TestBroker }

/** A user as auth announces it, version by version. */
export function user (auth: EventPublisher, displayName = 'Somebody') {
  const userId = uuidv7()
  let version = 0
  return {
    userId,
    register: () =>
      auth.publish(userRegistered, {
        data: { userId, displayName, registeredAt: new Date().toISOString() },
        aggregateVersion: ++version
      }),
    rename: (name: string) =>
      auth.publish(userUpdated, { data: { userId, displayName: name }, aggregateVersion: ++version }),
    leave: () => auth.publish(userDeleted, { data: { userId }, aggregateVersion: ++version })
  }
}

/** A post as posts announces it, version by version. */
export function post (posts: EventPublisher, authorId: string, title = 'A title') {
  const postId = uuidv7()
  let version = 0
  const now = () => new Date().toISOString()
  return {
    postId,
    create: () =>
      posts.publish(postCreated, {
        data: { postId, authorId, title, content: 'Some content', createdAt: now() },
        aggregateVersion: ++version
      }),
    change: (to: { title: string, content: string }) =>
      posts.publish(postUpdated, { data: { postId, authorId, ...to, updatedAt: now() }, aggregateVersion: ++version }),
    delete: () => posts.publish(postDeleted, { data: { postId, authorId }, aggregateVersion: ++version })
  }
}
