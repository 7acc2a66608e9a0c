import { randomUUID } from 'node:crypto'
import type { MaybePromise } from '@gatepost/service-kit/maybe-promise'
import type { FastifyBaseLogger } from 'fastify'
import { Redis } from 'ioredis'
import type { Counted, Counters, Decision, Limit } from './limit.ts'
import { memoryCounters } from './memory-counters.ts'
import { HEARTBEAT, TAKE } from './redis-scripts.ts'

export interface SharedCounters extends Counters {
  status (): { degraded: boolean, instances: number }
  close (): Promise<void>
}

/** A store that is slower than this counts as gone; requests do not wait for it longer. */
const STORE_TIMEOUT_MS = 50
const PROBE_MS = 250
const HEARTBEAT_MS = 2_000
const INSTANCE_GONE_MS = 7_000
const INSTANCES_KEY = 'gatepost:gateways'

/** More questions than this are asked in further scripts, between which Redis serves others. */
const MAX_QUESTIONS = 128

interface Commands {
  takeFromLimits (keys: number, ...args: Array<string | number>): Promise<number[]>
  gatewayHeartbeat (key: string, id: string, goneMs: number): Promise<number>
}

interface Question {
  counted: Counted
  limits: readonly Limit[]
  answer (decision: Decision): void
}

/** Reads the answers of the script, in the order of the questions. */
function answerAll (questions: readonly Question[], numbers: readonly number[]) {
  let at = 0
  for (const { limits, answer } of questions) {
    const refused = numbers[at++] === 1
    const verdicts = limits.map((limit) => ({ limit, remaining: numbers[at++]!, resetMs: numbers[at++]! }))
    answer({ refused, verdicts, degraded: false })
  }
}

/** The share that one of several instances admits when each counts alone. */
function shareOf (limit: Limit, instances: number): Limit {
  return { ...limit, max: Math.max(1, Math.floor(limit.max / instances)) }
}

/**
 * Gives up on a store that is slow. When this process itself was busy, the answer may lie in the socket already while
 * the timer goes off first; so what has arrived is read before anybody is called slow.
 */
function inTime<T> (answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => setImmediate(reject, new Error(`no answer in ${STORE_TIMEOUT_MS} ms`)),
      STORE_TIMEOUT_MS
    )
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Rate-limit counters that all gateways share in Redis: exact, with one round trip for all requests that came in one
 * turn of the event loop. When Redis is slow or gone, this instance admits its share (limit ÷ instances that were seen
 * last) from its own memory, asks Redis no more until a probe finds it well, and says so.
 */
export function redisCounters ({ url, log }: { url: string, log: FastifyBaseLogger }): SharedCounters {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_000,
    retryStrategy: (times) => Math.min(50 * times, 500),
    scripts: { takeFromLimits: { lua: TAKE }, gatewayHeartbeat: { lua: HEARTBEAT, numberOfKeys: 1 } }
  })
  const commands = redis as unknown as Commands
  const id = randomUUID()
  const local = memoryCounters()
  let degraded = true // until the first heartbeat has gone through
  let told = false
  let instances = 1
  let lastHeartbeat = -Infinity

  // each of them also fails a command or a probe, which is told once
  redis.on('error', (err) => log.debug({ err }, 'redis'))

  function degrade (err: unknown) {
    degraded = true
    if (told) return
    told = true
    log.warn(
      { err, instances },
      'rate limits are degraded: the shared counters do not answer, counting this instance’s share'
    )
  }

  /** Runs from start to close: heartbeats while all is well, probes while it is not. */
  async function watch () {
    if (!degraded && performance.now() - lastHeartbeat < HEARTBEAT_MS) return
    try {
      instances = Math.max(1, await inTime(commands.gatewayHeartbeat(INSTANCES_KEY, id, INSTANCE_GONE_MS)))
      lastHeartbeat = performance.now()
      if (degraded) log.info({ instances }, 'rate limits are shared')
      degraded = false
      told = false
    } catch (err) {
      degrade(err)
    }
  }
  const timer = setInterval(() => { void watch() }, PROBE_MS).unref()
  redis.once('ready', () => { void watch() })

  function takeLocally (counted: Counted, limits: readonly Limit[]): Decision {
    return { ...local.takeNow(counted, limits.map((limit) => shareOf(limit, instances))), degraded: true }
  }

  let waiting: Question[] = []

  function askForAll () {
    const questions = waiting
    waiting = []
    for (let i = 0; i < questions.length; i += MAX_QUESTIONS) void ask(questions.slice(i, i + MAX_QUESTIONS))
  }

  async function ask (questions: readonly Question[]) {
    const keys: string[] = []
    const numbers: number[] = []
    for (const { counted, limits } of questions) {
      numbers.push(limits.length)
      for (const { name, by, max, windowMs } of limits) {
        keys.push(`gatepost:limit:${name}:${counted[by]}`)
        numbers.push(max, windowMs)
      }
    }
    try {
      answerAll(questions, await inTime(commands.takeFromLimits(keys.length, ...keys, ...numbers)))
    } catch (err) {
      degrade(err)
      for (const { counted, limits, answer } of questions) answer(takeLocally(counted, limits))
    }
  }

  return {
    take (counted, limits): MaybePromise<Decision> {
      if (degraded) return takeLocally(counted, limits)
      if (waiting.length === 0) setImmediate(askForAll)
      return new Promise((resolve) => { waiting.push({ counted, limits, answer: resolve }) })
    },
    status: () => ({ degraded, instances }),
    async close () {
      clearInterval(timer)
      if (redis.status === 'ready') {
        await inTime(redis.zrem(INSTANCES_KEY, id)).catch((err: Error) => log.debug({ err }, 'redis'))
      }
      redis.disconnect()
    }
  }
}
