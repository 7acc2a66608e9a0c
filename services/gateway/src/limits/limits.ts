import rateLimit from '@fastify/rate-limit'
import type { LimitPolicy } from '@gatepost/contracts/operation'
import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Counted, Counters, Decision, DecisionTally, Limit } from './limit.ts'
import { policyField, rateLimitField, retryAfterSeconds } from './rate-limit-fields.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Counts a request against the limits of that name, and its user's if it is known; refuses with 429 what is over
     * one of them.
     */
    limit(request: Pick<FastifyRequest, 'counted'>, reply: HeaderSink, name: LimitName): Promise<void> | undefined
    /** Counts a request against the limit of a user who came to be known only after {@link limit}. */
    limitUser(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined
  }
  interface FastifyRequest {
    /** What limits count; set by admission.ts. */
    counted: Counted
  }
}

/** The limits of an operation's policy, or of what comes before calls. */
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
  /** Over everything that one user does, from whatever address. */
  user: Limit
  decisions: DecisionTally
}

/**
 * What @fastify/rate-limit hands from its key generator to its store, untouched. It asks for one key and one number;
 * we ask several limits about one client, so the key carries the question and brings back the whole answer.
 */
interface Question {
  counted: Counted
  limits: readonly Limit[]
  decision?: Decision
}

/** Rate limits with @fastify/rate-limit over counters of our own: several limits at once, shared or local, bounded. */
export const limits = fp<LimitsOptions>(
  async (app, { counters, everything, sensitive, preflight, user, decisions }) => {
    class CountersStore {
      incr (key: string, done: (error: Error | null, result?: { current: number, ttl: number }) => void) {
        const question = key as unknown as Question
        const answer = (decision: Decision) => {
          question.decision = decision
          done(null, { current: decision.refused ? 2 : 1, ttl: 0 })
        }
        const decision = counters.take(question.counted, question.limits)
        if (decision instanceof Promise) decision.then(answer, done)
        else answer(decision)
      }

      child () {
        return this
      }
    }

    await app.register(rateLimit, { global: false, max: 1, store: CountersStore })

    function limiter (...limits: Limit[]) {
      const policy = policyField(limits)
      const ask = app.createRateLimit({
        keyGenerator: ({ counted }: FastifyRequest) => ({ counted, limits } satisfies Question as unknown as string)
      })
      return {
        policy,
        /** Lets `judge` decide: at once where the counters can say it at once. */
        decide (
          request: Pick<FastifyRequest, 'counted'>,
          judge: (decision: Decision) => void
        ): Promise<void> | undefined {
          const decision = counters.takeNow?.(request.counted, limits)
          if (decision === undefined) {
            return ask(request as FastifyRequest).then(({ key }) => judge((key as unknown as Question).decision!))
          }
          judge(decision)
        }
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

    function note ({ refused, degraded }: Decision) {
      decisions[degraded ? 'degraded' : 'normal'][refused ? 'refused' : 'admitted']++
    }

    app.decorateRequest('counted', null as unknown as Counted)
    app.decorate('limit', (request, reply, name) => {
      if (name === 'none') return undefined
      const { policy, decide } = (request.counted.user === '' ? strangers : users)[name]
      return decide(request, (decision) => {
        note(decision)
        reply.header('ratelimit-policy', policy)
        reply.header('ratelimit', rateLimitField(decision.verdicts))
        if (decision.refused) throw limited(decision)
      })
    })
    app.decorate('limitUser', (request, reply) =>
      userAlone.decide(request, (decision) => {
        note(decision)
        reply.header('ratelimit-policy', `${reply.getHeader('ratelimit-policy')}, ${userAlone.policy}`)
        reply.header('ratelimit', `${reply.getHeader('ratelimit')}, ${rateLimitField(decision.verdicts)}`)
        if (decision.refused) throw limited(decision)
      }))
  },
  { name: 'limits' }
)

function limited (decision: Decision) {
  return new ProblemError('RATE_LIMITED', { headers: retryAfter(retryAfterSeconds(decision)) })
}
