import type { Supervisor } from '@gatepost/service-kit/run'
import type { FastifyBaseLogger } from 'fastify'
import { type Counted, type Decision, type Limit, shareOf } from './limit.ts'
import { memoryCounters } from './memory-counters.ts'
import type { SharedCounters } from './redis-counters.ts'

/** What a worker asks its supervisor: all requests of one turn of its event loop. */
interface Question {
  counted: Counted
  limits: readonly Limit[]
}

interface Waiting extends Question {
  decide: (decision: Decision) => void
}

/** A supervisor that is slower than this counts as gone; requests do not wait for it longer. */
const SUPERVISOR_TIMEOUT_MS = 50

/** In the supervisor: the counters of all workers. */
export function countersForWorkers () {
  const counters = memoryCounters()
  return (question: unknown) => (question as Question[]).map(({ counted, limits }) => counters.takeNow(counted, limits))
}

/**
 * In a worker: rate-limit counters that all workers share in their supervisor's memory, so that they are as exact as those
 * of one process. Should it not answer in time, this worker admits its share from its own memory until it does.
 */
export function supervisedCounters ({ supervisor, workers, log }: { supervisor: Supervisor, workers: number, log: FastifyBaseLogger }): SharedCounters {
  const local = memoryCounters()
  let waiting: Waiting[] = []
  let degraded = false

  function takeLocally ({ counted, limits }: Question): Decision {
    return { ...local.takeNow(counted, limits.map((limit) => shareOf(limit, workers))), degraded: true }
  }

  function degrade (err?: unknown) {
    if (!degraded) log.warn({ err, workers }, 'rate limits are degraded: the supervisor does not answer, counting this worker’s share')
    degraded = true
  }

  function ask () {
    const asked = waiting
    waiting = []
    // What has arrived by then is read before the supervisor is called slow: it may have been this process that had no time.
    const timer = setTimeout(() => setImmediate(giveUp), SUPERVISOR_TIMEOUT_MS)
    let settled = false
    function giveUp (err?: unknown) {
      if (settled) return
      settled = true
      clearTimeout(timer)
      degrade(err)
      for (const question of asked) question.decide(takeLocally(question))
    }
    supervisor.ask(asked.map(({ counted, limits }) => ({ counted, limits }))).then((answer) => {
      if (degraded) log.info('rate limits are shared')
      degraded = false // also by an answer that comes too late for its own requests
      if (settled) return
      settled = true
      clearTimeout(timer)
      for (const [i, decision] of (answer as Decision[]).entries()) asked[i]!.decide(decision)
    }, giveUp)
  }

  return {
    take (counted, limits) {
      if (degraded) return takeLocally({ counted, limits })
      return new Promise((resolve) => {
        waiting.push({ counted, limits, decide: resolve })
        if (waiting.length === 1) setImmediate(ask)
      })
    },
    status: () => ({ degraded, instances: workers }),
    close: async () => {}
  }
}
