import { afterAll, beforeAll, expect, test } from 'vitest'
import type { System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import { call, register, type Account } from '../client.ts'
import { RawSubscriber } from '../raw-nats.ts'

/** One account from its registration to its deletion, beside a stranger's NATS client. */
export function journey (started: () => System) {
  let system: System
  let subscriber: RawSubscriber

  beforeAll(async () => {
    system = started()
    subscriber = await RawSubscriber.connect(system.natsUrl, 'events.>')
  })
  afterAll(() => subscriber?.close())

  /** Once each, as for whoever remembers their ids: delivery is at least once. */
  const events =
    (): any[] => [
      ...new Map(subscriber.messages.map(({ body }) => JSON.parse(body)).map((event) => [event.id, event])).values()
    ]
  const seen = (type: string, subject: string) =>
    events().filter((event) => event.type === type && event.subject === subject)
  let ada: Account
  let postId: string
  /** The post as a reader's feed shows it. */
  async function inFeed (reader: Account) {
    const { body } = await call(system.gatewayUrl, 'GET', '/api/feed', { token: reader.accessToken })
    return body.items.find((item: { id: string }) => item.id === postId)
  }

  test('a stranger’s NATS client receives user-registered as the contract says', async () => {
    ada = await register(system.gatewayUrl, 'Ada')
    await eventually(() => expect(seen('auth.user-registered.v1', ada.userId)).toHaveLength(1))
    const [event] = seen('auth.user-registered.v1', ada.userId)
    expect(event).toMatchObject({
      specversion: '1.0',
      source: '/services/auth',
      datacontenttype: 'application/json',
      aggregateversion: 1,
      data: { userId: ada.userId, displayName: 'Ada' }
    })
    const message = subscriber.messages.find(({ body }) => body.includes(ada.userId))!
    expect(message.subject).toBe('events.auth.user-registered.v1')
    expect(message.headers).toMatch(new RegExp(`Nats-Msg-Id: ?${event.id}`, 'i'))
    expect(message.headers).toMatch(/content-type: ?application\/cloudevents\+json/i)
    expect(message.body).not.toContain(ada.email)
  })

  test('a post has its event, with the trace of the request that made it', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const answer = await call(system.gatewayUrl, 'POST', '/api/posts', {
      token: ada.accessToken,
      body: { title: 'Hello', content: 'World' },
      headers: { traceparent }
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([201, `/api/posts/${answer.body.id}`])
    postId = answer.body.id
    await eventually(() => expect(seen('posts.post-created.v1', postId)).toHaveLength(1))
    expect(seen('posts.post-created.v1', postId)[0]).toMatchObject({
      aggregateversion: 1,
      data: { postId, authorId: ada.userId, title: 'Hello', content: 'World' }
    })
    expect(seen('posts.post-created.v1', postId)[0].traceparent).toContain('0af7651916cd43dd8448eb211c80319c')
  })

  test('the feed and the overview show it with the author’s name', async () => {
    await eventually(async () =>
      expect(await inFeed(ada)).toMatchObject({ id: postId, author: { id: ada.userId, displayName: 'Ada' } })
    )
    const overview = await call(system.gatewayUrl, 'GET', `/api/users/${ada.userId}/overview`, {
      token: ada.accessToken
    })
    expect(overview.body).toMatchObject({
      user: { id: ada.userId, displayName: 'Ada' },
      posts: { items: [{ id: postId }] },
      incomplete: []
    })
  })

  test('a change of the name reaches the feed', async () => {
    expect((await call(system.gatewayUrl, 'PATCH', '/api/auth/me', {
      token: ada.accessToken,
      body: { displayName: 'Countess' }
    })).status).toBe(200)
    await eventually(async () => expect((await inFeed(ada)).author.displayName).toBe('Countess'))
  })

  test('services trust nobody: a forged identity header is 401', async () => {
    for (
      const [origin, path] of [[system.authUrl, '/api/auth/me'], [system.postsUrl, '/api/posts'], [
        system.feedUrl,
        '/api/feed'
      ]] as const
    ) {
      expect((await call(origin, 'GET', path, { headers: { 'x-user-id': ada.userId, 'x-user-role': 'admin' } })).status)
        .toBe(401)
    }
  })

  test('after a logout the token is dead at the gateway and in every service', async () => {
    const other = await call(system.gatewayUrl, 'POST', '/api/auth/login', {
      body: { email: ada.email, password: ada.password }
    })
    const token = other.body.accessToken
    expect((await call(system.gatewayUrl, 'POST', '/api/auth/logout', { token })).status).toBe(204)
    await eventually(async () => {
      for (
        const [origin, path] of [[system.gatewayUrl, '/api/posts'], [system.authUrl, '/api/auth/me'], [
          system.postsUrl,
          '/api/posts'
        ], [system.feedUrl, '/api/feed']] as const
      ) {
        expect((await call(origin, 'GET', path, { token })).status).toBe(401)
      }
    })
    expect(seen('auth.session-revoked.v1', other.body.sessionId)).toMatchObject([{
      data: { reason: 'logout', userId: ada.userId }
    }])
  })

  test('a deleted account takes its posts and feed entries with it', async () => {
    const reader = await register(system.gatewayUrl, 'Reader')
    expect((await call(system.gatewayUrl, 'POST', '/api/auth/delete-account', {
      token: ada.accessToken,
      body: { password: ada.password }
    })).status).toBe(204)
    await eventually(() => expect(seen('posts.post-deleted.v1', postId)).toHaveLength(1))
    await eventually(async () => expect(await inFeed(reader)).toBeUndefined())
    expect((await call(system.gatewayUrl, 'GET', `/api/posts/${postId}`, { token: reader.accessToken })).status)
      .toBe(404)
    expect((await call(system.gatewayUrl, 'GET', `/api/users/${ada.userId}/overview`, { token: reader.accessToken }))
      .status).toBe(404)
  })

  test('per aggregate the versions that a subscriber saw are 1, 2, 3 …', () => {
    const versions = Map.groupBy(events(), ({ subject }) => subject)
    expect(versions.get(ada.userId)).toHaveLength(3)
    for (const [, events] of versions) {
      expect(events.map(({ aggregateversion }) => aggregateversion)).toEqual(events.map((_, index) => index + 1))
    }
  })
}
