import type { LimitPolicy } from '@gatepost/contracts/operation'
import { andThen, type MaybePromise } from '@gatepost/service-kit/maybe-promise'
import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { CountedRequest, Counters, Decision, DecisionTally, Limit } from './limit.ts'
import { policyField, rateLimitField, retryAfterSeconds } from './rate-limit-fields.ts'
import { rateLimitPlugin } from './rate-limit-plugin.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Counts a request against the limits of that name, and its user's if it is known; refuses with 429 what is over
     * one of them.
     */
    limit(request: Countable, reply: HeaderSink, name: LimitName): MaybePromise<void>
    /** Counts a request against the limit of a user who came to be known only after {@link limit}. */
    limitUser(request: FastifyRequest, reply: FastifyReply): MaybePromise<void>
  }
  interface FastifyRequest {
    /** The identities that limits count; set by admission.ts. */
    counted: CountedRequest
  }
}

/** A request, or the known part of one that no route saw. */
type Countable = Pick<FastifyRequest, 'counted'> & Partial<Pick<FastifyRequest, 'span'>>

/** The limits of an operation's policy, or of the preflights that come before calls. */
export type LimitName = LimitPolicy | 'preflight'

interface HeaderSink {
  header(name: string, value: string): unknown
}

export interface LimitsOptions {
  counters: Counters
  /** Over everything under /api, by address. */
  everything: Limit
  /** Over register, login and password endpoints together, by address. */
  sensitive: Limit
  /** Over the OPTIONS that browsers send ahead of calls, by address; they are no calls. */
  preflight: Limit
  /** Over all calls of one user, from all addresses together. */
  user: Limit
  decisions: DecisionTally
}

/** Rate limits with @fastify/rate-limit over counters of our own: several limits at once, shared or local, bounded. */
export const limits = fp<LimitsOptions>(
  async (app, { counters, everything, sensitive, preflight, user, decisions }) => {
    const askBy = await rateLimitPlugin(app, counters)

    function limiter (...limits: Limit[]) {
      const ask = askBy(limits)
      return {
        policy: policyField(limits),
        /** The counters themselves decide where they can say it at once: the plugin needs five promises to ask them. */
        decide: (request: Pick<FastifyRequest, 'counted'>): MaybePromise<Decision> =>
          counters.takeNow?.(request.counted, limits) ?? ask(request)
      }
    }
    const strangers = {
      default: limiter(everything),
      sensitive: limiter(everything, sensitive),
      preflight: limiter(preflight)
    }
    const users = {
      default: limiter(everything, user),
      sensitive: limiter(everything, sensitive, user),
      preflight: strangers.preflight
    }
    const userAlone = limiter(user)
    /** By the limit of a key, which is one object for as long as its access token is held. */
    const keys = new WeakMap<Limit, ReturnType<typeof limitersOfKey>>()

    function limitersOfKey (own: Limit) {
      return {
        default: limiter(everything, user, own),
        sensitive: limiter(everything, sensitive, user, own),
        preflight: strangers.preflight,
        userAlone: limiter(user, own)
      }
    }

    function keyed (own: Limit) {
      let limiters = keys.get(own)
      if (limiters === undefined) keys.set(own, limiters = limitersOfKey(own))
      return limiters
    }

    function limitersFor ({ user, keyLimit }: CountedRequest) {
      if (user === '') return strangers
      return keyLimit === undefined ? users : keyed(keyLimit)
    }

    function enforce (decision: Decision, { span }: Countable) {
      decisions[decision.degraded ? 'degraded' : 'normal'][decision.refused ? 'refused' : 'admitted']++
      if (decision.refused) {
        span?.setAttribute('gatepost.limit', emptyIn(decision))
        throw new ProblemError('RATE_LIMITED', { headers: retryAfter(retryAfterSeconds(decision)) })
      }
    }

    app.decorateRequest('counted', null as unknown as CountedRequest)
    app.decorate('limit', (request, reply, name) => {
      if (name === 'none') return
      const { policy, decide } = limitersFor(request.counted)[name]
      return andThen(decide(request), (decision) => {
        reply.header('ratelimit-policy', policy)
        reply.header('ratelimit', rateLimitField(decision.verdicts))
        enforce(decision, request)
      })
    })
    app.decorate('limitUser', (request, reply) => {
      const { keyLimit } = request.counted
      const { policy, decide } = keyLimit === undefined ? userAlone : keyed(keyLimit).userAlone
      return andThen(decide(request), (decision) => {
        reply.header('ratelimit-policy', `${reply.getHeader('ratelimit-policy')}, ${policy}`)
        reply.header('ratelimit', `${reply.getHeader('ratelimit')}, ${rateLimitField(decision.verdicts)}`)
        enforce(decision, request)
      })
    })
  },
  { name: 'limits' }
)

/** The names of the limits that a decision found used up. */
function emptyIn ({ verdicts }: Decision) {
  return verdicts.filter(({ remaining }) => remaining === 0).map(({ limit }) => limit.name).join(', ')
}
