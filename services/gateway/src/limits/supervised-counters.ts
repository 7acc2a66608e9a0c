import type { Supervisor } from '@gatepost/service-kit/run'
import type { FastifyBaseLogger } from 'fastify'
import { type Counted, type Decision, decisionOf, type Limit, shareOf } from './limit.ts'
import { memoryCounters } from './memory-counters.ts'
import type { SharedCounters } from './redis-counters.ts'

/** What a worker asks its supervisor about many requests at once, in few characters: as JSON they are each request's cost. */
interface Questions {
  /** The sets of limits that are asked for. */
  sets: Array<readonly Limit[]>
  /** Of each request, the place of its set. */
  asked: Array<[set: number, address: string, user: string]>
}

/** Of each request, what {@link decisionOf} reads. */
type Answers = number[][]

interface Waiting {
  counted: Counted
  limits: readonly Limit[]
  decide: (decision: Decision) => void
}

/** A supervisor that is slower than this counts as gone; requests do not wait for it longer. */
const SUPERVISOR_TIMEOUT_MS = 50

/** In the supervisor: the counters of all workers. */
export function countersForWorkers () {
  const counters = memoryCounters()
  return (question: unknown): Answers => {
    const { sets, asked } = question as Questions
    return asked.map(([set, address, user]) => {
      const { refused, verdicts } = counters.takeNow({ address, user }, sets[set]!)
      return [Number(refused), ...verdicts.flatMap(({ remaining, resetMs }) => [remaining, resetMs])]
    })
  }
}

function questionsOf (waiting: readonly Waiting[]): Questions {
  const sets = [...new Set(waiting.map(({ limits }) => limits))]
  return { sets, asked: waiting.map(({ counted, limits }) => [sets.indexOf(limits), counted.address, counted.user]) }
}

/**
 * In a worker: rate-limit counters that all workers share in their supervisor's memory, so that they are as exact as those
 * of one process. Should it not answer in time, this worker admits its share from its own memory until it does.
 */
export function supervisedCounters ({ supervisor, workers, log }: { supervisor: Supervisor, workers: number, log: FastifyBaseLogger }): SharedCounters {
  const local = memoryCounters()
  let waiting: Waiting[] = []
  /** One question at a time: what comes meanwhile is asked together, so that under load many requests share a message. */
  let asking = false
  let degraded = false

  function takeLocally ({ counted, limits }: Pick<Waiting, 'counted' | 'limits'>): Decision {
    return { ...local.takeNow(counted, limits.map((limit) => shareOf(limit, workers))), degraded: true }
  }

  function degrade (err?: unknown) {
    if (!degraded) log.warn({ err, workers }, 'rate limits are degraded: the supervisor does not answer, counting this worker’s share')
    degraded = true
  }

  function ask () {
    const asked = waiting
    waiting = []
    let settled = false
    // What has arrived by then is read before the supervisor is called slow: it may have been this process that had no time.
    const timer = setTimeout(() => setImmediate(giveUp), SUPERVISOR_TIMEOUT_MS)
    function settle () {
      if (settled) return false
      settled = true
      clearTimeout(timer)
      return true
    }
    function giveUp (err?: unknown) {
      if (!settle()) return
      degrade(err)
      for (const request of [...asked, ...waiting]) request.decide(takeLocally(request))
      waiting = []
      asking = false
    }
    supervisor.ask(questionsOf(asked)).then((answers) => {
      if (degraded) log.info('rate limits are shared')
      degraded = false // also by an answer that comes too late for its own requests
      if (!settle()) return
      for (const [i, { limits, decide }] of asked.entries()) decide(decisionOf(limits, (answers as Answers)[i]!))
      if (waiting.length > 0) setImmediate(ask)
      else asking = false
    }, giveUp)
  }

  return {
    take (counted, limits) {
      if (degraded) return takeLocally({ counted, limits })
      return new Promise((resolve) => {
        waiting.push({ counted, limits, decide: resolve })
        if (asking) return
        asking = true
        setImmediate(ask)
      })
    },
    status: () => ({ degraded, instances: workers }),
    close: async () => {}
  }
}
