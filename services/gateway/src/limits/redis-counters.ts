import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { Redis } from 'ioredis'
import type { Counted, Counters, Decision, Limit } from './limit.ts'
import { memoryCounters } from './memory-counters.ts'

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

/**
 * All or nothing over any number of counters; answers what decisionOf reads. Redis keeps the ends of windows by its
 * wall clock: one that is further away than a window is long was set before the clock went back.
 */
const TAKE = `
local refused = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then refused = 1 end
end
local answer = { refused }
for i, key in ipairs(KEYS) do
  local count = 0
  if refused == 0 then count = redis.call('INCR', key) else count = tonumber(redis.call('GET', key) or '0') end
  local left = redis.call('PTTL', key)
  local window = tonumber(ARGV[2 * i])
  if left < 0 or left > window then
    left = window
    if count > 0 then redis.call('PEXPIRE', key, left) end
  end
  answer[2 * i] = math.max(0, tonumber(ARGV[2 * i - 1]) - count)
  answer[2 * i + 1] = left
end
return answer`

/** Notes that an instance is alive and answers how many are. */
const HEARTBEAT = `
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZADD', KEYS[1], ms, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])`

interface Commands {
  takeFromLimits (keys: number, ...args: Array<string | number>): Promise<number[]>
  gatewayHeartbeat (key: string, id: string, goneMs: number): Promise<number>
}

/**
 * A decision as numbers: whether it is refused (1), then of each limit what remains and the milliseconds until its
 * window ends.
 */
function decisionOf (limits: readonly Limit[], [refused, ...numbers]: readonly number[]): Decision {
  const verdicts = limits.map((limit, i) => ({ limit, remaining: numbers[2 * i]!, resetMs: numbers[2 * i + 1]! }))
  return { refused: refused === 1, verdicts, degraded: false }
}

/** What one of several instances admits when each counts alone. */
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
 * Rate-limit counters that all gateways share in Redis: exact, one round trip a request. When Redis is slow or gone,
 * this instance admits its share (limit ÷ instances that were seen last) from its own memory, asks Redis no more until
 * a probe finds it well, and says so.
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

  async function takeLocally (counted: Counted, limits: readonly Limit[]) {
    return { ...await local.take(counted, limits.map((limit) => shareOf(limit, instances))), degraded: true }
  }

  return {
    async take (counted, limits): Promise<Decision> {
      if (degraded) return takeLocally(counted, limits)
      try {
        return decisionOf(
          limits,
          await inTime(commands.takeFromLimits(
            limits.length,
            ...limits.map(({ name, by }) => `gatepost:limit:${name}:${counted[by]}`),
            ...limits.flatMap(({ max, windowMs }) => [max, windowMs])
          ))
        )
      } catch (err) {
        degrade(err)
        return takeLocally(counted, limits)
      }
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
