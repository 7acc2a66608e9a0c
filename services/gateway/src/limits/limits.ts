import rateLimit from '@fastify/rate-limit'
import { type LimitPolicy } from '@gatepost/contracts/operation'
import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'
import { type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Counter } from 'prom-client'
import { type Counters, type Decision, type Limit } from './limit.ts'
import { policyField, rateLimitField, retryAfterSeconds } from './rate-limit-fields.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a request against the limits of a policy; refuses with 429 what is over one of them. */
    limit (request: FastifyRequest, reply: FastifyReply, policy: LimitPolicy): Promise<void>
  }
  interface FastifyRequest {
    /** What limits count; see client-address.ts. */
    limitKey: string
  }
}

export interface LimitsOptions {
  counters: Counters
  /** Over everything under /api. */
  everything: Limit
  /** Over register, login and password endpoints together. */
  sensitive: Limit
  decisions: Counter<'decision' | 'mode'>
}

/**
 * What @fastify/rate-limit hands from its key generator to its store, untouched. It asks for one key and one number;
 * we ask several limits about one client, so the key carries the question and brings back the whole answer.
 */
interface Question {
  key: string
  limits: readonly Limit[]
  decision?: Decision
}

/** Rate limits with @fastify/rate-limit over counters of our own: several limits at once, shared or local, bounded. */
export const limits = fp<LimitsOptions>(async (app, { counters, everything, sensitive, decisions }) => {
  const policies = { default: [everything], sensitive: [everything, sensitive] }
  const fields = { default: policyField(policies.default), sensitive: policyField(policies.sensitive) }

  class CountersStore {
    incr (key: string, done: (error: Error | null, result?: { current: number, ttl: number }) => void) {
      const question = key as unknown as Question
      const answer = (decision: Decision) => {
        question.decision = decision
        done(null, { current: decision.refused ? 2 : 1, ttl: 0 })
      }
      const decision = counters.take(question.key, question.limits)
      if (decision instanceof Promise) decision.then(answer, done)
      else answer(decision)
    }

    child () { return this }
  }

  await app.register(rateLimit, { global: false, max: 1, store: CountersStore })
  const limiters = {
    default: app.createRateLimit({ keyGenerator: (request: FastifyRequest) => ask(request, policies.default) }),
    sensitive: app.createRateLimit({ keyGenerator: (request: FastifyRequest) => ask(request, policies.sensitive) })
  }

  app.decorateRequest('limitKey', '')
  app.decorate('limit', async (request, reply, policy) => {
    if (policy === 'none') return
    const { decision } = (await limiters[policy](request)).key as unknown as Question
    const { refused, degraded, verdicts } = decision!
    decisions.inc({ decision: refused ? 'refused' : 'admitted', mode: degraded ? 'degraded' : 'normal' })
    reply.header('ratelimit-policy', fields[policy])
    reply.header('ratelimit', rateLimitField(verdicts))
    if (refused) throw new ProblemError('RATE_LIMITED', { headers: retryAfter(retryAfterSeconds(decision!)) })
  })
}, { name: 'limits' })

function ask (request: FastifyRequest, limits: readonly Limit[]) {
  return { key: request.limitKey, limits } satisfies Question as unknown as string
}
