import { createHash } from 'node:crypto'
import type { Post } from '@gatepost/contracts/posts/schemas'
import { postCreated } from '@gatepost/contracts/posts/events'
import { outboxRow } from '@gatepost/events/outbox'
import { retryAfter } from '@gatepost/service-kit/problem'
import { timeOfUuidv7, uuidv7 } from '@gatepost/service-kit/uuid'
import type { Caller } from '../caller.ts'
import type { Database } from '../database.ts'
import { AuthorGoneError, IdempotencyKeyReusedError, RequestInFlightError } from '../errors.ts'
import { creationRepository } from './creation-repository.ts'

export interface PostText {
  title: string
  content: string
}

export interface CreationServiceOptions {
  database: Database
  onEvents: () => void
}

const KEY_LIFE_MS = 24 * 3_600_000
const RETRY_SECONDS = 1

/** Writes posts. With a key, a request that comes again within 24 hours is answered as it was the first time. */
export function createCreationService ({ database, onEvents }: CreationServiceOptions) {
  const inFlight = new Set<string>()

  async function create (caller: Caller, text: PostText, key?: string) {
    const post = newPost(uuidv7(), caller.userId, text)
    const { id, authorId, title, content, createdAt } = post
    const event = outboxRow(postCreated, {
      data: { postId: id, authorId, title, content, createdAt },
      aggregateVersion: 1,
      traceparent: caller.traceparent
    })
    const claim = key === undefined ? undefined : { key, fingerprint: fingerprintOf(text), expired: expiry() }
    const creation = await creationRepository.create(database.sql, post, event, claim)
    if (creation === 'author-gone') {
      throw new AuthorGoneError({ headers: { 'www-authenticate': 'Bearer realm="gatepost", error="invalid_token"' } })
    }
    if (creation === 'in-flight') throw new RequestInFlightError({ headers: retryAfter(RETRY_SECONDS) })
    if (creation === 'key-known') return { post: await firstAnswer(caller.userId, text, claim!), replayed: true }
    onEvents()
    return { post, replayed: false }
  }

  /** A post as it was first answered is made of its id and the text, which the fingerprint vouches for. */
  async function firstAnswer (
    userId: string,
    text: PostText,
    { key, fingerprint }: { key: string, fingerprint: Buffer }
  ) {
    const known = await creationRepository.findKey(database.connection, userId, key)
    if (!known) throw new RequestInFlightError({ headers: retryAfter(RETRY_SECONDS) }) // pruned between two statements
    if (!fingerprint.equals(known.fingerprint)) throw new IdempotencyKeyReusedError()
    return newPost(known.postId, userId, text)
  }

  return {
    async create (caller: Caller, text: PostText, key?: string): Promise<{ post: Post, replayed: boolean }> {
      if (key === undefined) return create(caller, text)
      const flight = `${caller.userId} ${key}`
      if (inFlight.has(flight)) throw new RequestInFlightError({ headers: retryAfter(RETRY_SECONDS) })
      inFlight.add(flight)
      try {
        return await create(caller, text, key)
      } finally {
        inFlight.delete(flight)
      }
    },

    /** Forgets the keys whose day is over. */
    async prune () {
      await creationRepository.pruneKeys(database.connection, expiry())
    }
  }
}
export type CreationService = ReturnType<typeof createCreationService>

function newPost (id: string, authorId: string, { title, content }: PostText): Post {
  const createdAt = timeOfUuidv7(id).toISOString()
  return { id, authorId, title, content, version: 1, createdAt, updatedAt: createdAt }
}

function expiry () {
  return new Date(Date.now() - KEY_LIFE_MS)
}

/** Of what was asked for, not of its bytes: members in another order are the same request. */
function fingerprintOf ({ title, content }: PostText) {
  return createHash('sha256').update(JSON.stringify(['createPost', title, content])).digest()
}
