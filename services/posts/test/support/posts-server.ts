import type { Post, PostPage } from '@gatepost/contracts/posts/schemas'
import { createLog } from '@gatepost/service-kit/log'
import { parseSettings } from '@gatepost/service-kit/settings'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { type TestBroker, startBroker } from '@gatepost/testing/broker'
import { createDatabase } from '@gatepost/testing/database'
import { testServers } from '@gatepost/testing/servers'
import { ISSUER, startTokenIssuer, type TokenOptions } from '@gatepost/testing/token-issuer'
import pg from 'pg'
import { Registry } from 'prom-client'
import { buildApp } from '../../src/app.ts'
import { settingsSchema } from '../../src/config.ts'

interface CallOptions {
  as?: TokenOptions
  headers?: Record<string, string>
  body?: unknown
}

/** The real app on a database of its own; with `broker`, on a nats-server of its own too. */
export async function startPosts (
  { broker, tablespace, env = {} }: { broker?: TestBroker | true, tablespace?: string, env?: Record<string, string> } =
  {}
) {
  const database = await createDatabase('posts', { hostile: true, tablespace })
  const issuer = await startTokenIssuer()
  const nats = broker === true ? await startBroker() : broker
  const settings = parseSettings(settingsSchema, {
    POSTS_DATABASE_URL: database.url,
    AUTH_URL: issuer.url,
    PUBLIC_URL: ISSUER,
    NATS_URL: nats?.urlOf('posts') ?? testServers().natsUrls.posts,
    ...env
  })
  let registry = new Registry()
  /** The app, as soon as it judges tokens; at once where it is to go without NATS. */
  async function build ({ waits = env.NATS_URL === undefined } = {}) {
    const app = await buildApp({ settings, log: createLog('posts', 'silent'), registry })
    if (waits) await app.revoked.ready
    return app
  }
  let app = await build()
  const sql = new pg.Pool({ connectionString: database.ownerUrl, max: 4 })
  sql.on('error', () => {}) // some tests end every connection

  async function call (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    { as, headers = {}, body }: CallOptions = {}
  ) {
    return app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${issuer.token(as)}`,
        ...body !== undefined && { 'content-type': 'application/json' },
        ...headers
      },
      ...body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }
    })
  }
  return {
    get app () { return app },
    metrics: () => registry.metrics(),
    database,
    issuer,
    nats: nats!,
    sql,
    call,
    async write (
      userId: string,
      body: { title?: string, content?: string } = {},
      headers: Record<string, string> = {}
    ) {
      const answer = await call('POST', '/api/posts', {
        as: { userId },
        body: { title: 'A title', content: 'Some content', ...body },
        headers
      })
      if (answer.statusCode !== 201) throw new Error(`${answer.statusCode}: ${answer.body}`)
      return answer.json<Post>()
    },
    async pages (query: string, headers?: Record<string, string>) {
      const pages: PostPage[] = []
      for (let cursor: string | null = ''; cursor !== null; cursor = pages.at(-1)!.nextCursor) {
        const answer = await call('GET', `/api/posts?${query}${cursor && `&cursor=${cursor}`}`, { headers })
        if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${answer.body}`)
        pages.push(answer.json<PostPage>())
      }
      return pages
    },
    /** The events of a post, or all, in the order of the outbox. */
    async events (postId?: string) {
      const { rows } = await sql.query(
        'SELECT payload FROM outbox WHERE $1::uuid IS NULL OR aggregate_id = $1::uuid ORDER BY id',
        [postId ?? null]
      )
      return rows.map(({ payload }) =>
        JSON.parse(payload) as {
          type: string
          aggregateversion: number
          traceparent: string
          data: Record<string, string>
        }
      )
    },
    async restart (options?: { waits: boolean }) {
      await app.close()
      registry = new Registry()
      app = await build(options)
    },
    async stop () {
      await app.close()
      await sql.end()
      await issuer.stop()
      if (broker === true) await nats!.stop()
      await database.drop()
    }
  }
}
export type PostsUnderTest = Awaited<ReturnType<typeof startPosts>>

export const anybody = () => uuidv7()
