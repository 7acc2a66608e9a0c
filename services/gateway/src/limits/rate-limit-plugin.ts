// The adapter to @fastify/rate-limit; nothing else knows of the plugin. Its store is asked about one key and one
// number, and our limits ask several counters about one client. So the plugin's key is the whole question, and the
// decision comes back in it.
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Counted, Counters, Decision, Limit } from './limit.ts'

interface Question {
  counted: Counted
  limits: readonly Limit[]
  decision?: Decision
}

export type AskPlugin = (request: Pick<FastifyRequest, 'counted'>) => Promise<Decision>

/** Registers the plugin over the counters. The result makes functions that have the plugin decide by some limits. */
export async function rateLimitPlugin (
  app: FastifyInstance,
  counters: Counters
): Promise<(limits: readonly Limit[]) => AskPlugin> {
  class CountersStore {
    incr (key: string, done: (error: Error | null, result?: { current: number, ttl: number }) => void) {
      const question = key as unknown as Question
      const answer = (decision: Decision) => {
        question.decision = decision
        done(null, { current: decision.refused ? 2 : 1, ttl: 0 }) // of at most one
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

  return (limits) => {
    const ask = app.createRateLimit({
      keyGenerator: ({ counted }: FastifyRequest) => ({ counted, limits } satisfies Question as unknown as string)
    })
    return (request) => ask(request as FastifyRequest).then(({ key }) => (key as unknown as Question).decision!)
  }
}
