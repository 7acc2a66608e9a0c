import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import type { Ground } from '../lab/ground.ts'
import { which } from '../lab/machine.ts'
import { median, quantile } from '../lab/statistics.ts'
import { callerOf, type Caller } from './client.ts'
import type { Stage } from './stage.ts'

export interface LoginRow {
  name: string
  /** Whether the threads that hash have a core that nothing else uses. */
  apart: boolean
  perSecond: number
  /** Share of the bare rate of the same round, median over the rounds. */
  share: number
  p50: number
  p99: number
  refused: number
  /** Milliseconds of CPU per login, by process. */
  cpu: { hashing: number, gateway: number, PostgreSQL: number }
}

const ACCOUNTS = 16
/** Enough to keep both processes busy with a short queue in each. */
const IN_FLIGHT = 8
/**
 * A process that has just started takes half as much again for what is not the hash: until so many its code is not
 * compiled.
 */
const WARM_UP_LOGINS = 1_000
const PASSWORD = 'violet tram 92 over Dresden'
const emailOf = (number: number) => `bench${number}@example.com`

/**
 * Logins through the gateway and at auth itself in turns with the bare hash, which nothing stands around: first on
 * cores that everything shares, then with a core for hashing alone.
 */
export async function measureLogins (
  ground: Ground,
  { gateways, auths, cpu, hashApart }: Stage,
  { rounds, seconds }: { rounds: number, seconds: number }
): Promise<LoginRow[]> {
  const callers = (origins: string[]) =>
    origins.map((origin) => {
      const caller = callerOf(origin, IN_FLIGHT)
      ground.onEnd(() => caller.close())
      return caller
    })
  const [gateway, direct] = [callers([gateways[0]]), callers(auths)]
  for (let number = 0; number < ACCOUNTS; number++) {
    const { status, body } = await gateway[0]!.call('POST', '/api/auth/register', {
      body: { email: emailOf(number), password: PASSWORD, displayName: 'Bench' }
    })
    if (status !== 201) throw new Error(`register: ${status} ${JSON.stringify(body)}`)
  }
  const kinds = {
    'bare argon2id': bareVerify(),
    'login at two auth processes': loginAt(direct),
    'login through the gateway': loginAt(gateway)
  }
  async function measure (name: string, work: Work): Promise<MeasuredRound> {
    const bare = name.startsWith('bare')
    const [own, before] = [process.cpuUsage(), cpu()]
    const round = await run(work, seconds, bare ? availableParallelism() : IN_FLIGHT)
    const [{ user, system }, after] = [process.cpuUsage(own), cpu()]
    const each = (seconds: number) => seconds * 1_000 / round.times.length
    return {
      ...round,
      cpu: {
        hashing: each(bare ? (user + system) / 1e6 : after.auth - before.auth),
        gateway: each(after.gateway - before.gateway),
        PostgreSQL: each(after.PostgreSQL - before.PostgreSQL)
      }
    }
  }
  async function measureAll (apart: boolean): Promise<LoginRow[]> {
    const results = Object.fromEntries(Object.keys(kinds).map((name) => [name, [] as MeasuredRound[]]))
    for (let round = 0; round < rounds; round++) {
      for (const [name, work] of Object.entries(kinds)) results[name]!.push(await measure(name, work))
    }
    return Object.entries(results).map(([name, all]) => ({
      name,
      apart,
      perSecond: median(all.map(({ perSecond }) => perSecond)),
      share: median(all.map(({ perSecond }, round) => perSecond / results['bare argon2id']![round]!.perSecond)),
      p50: quantile(all.flatMap(({ times }) => times), 0.5),
      p99: quantile(all.flatMap(({ times }) => times), 0.99),
      refused: all.reduce((sum, { refused }) => sum + refused, 0),
      cpu: {
        hashing: median(all.map((round) => round.cpu.hashing)),
        gateway: median(all.map((round) => round.cpu.gateway)),
        PostgreSQL: median(all.map((round) => round.cpu.PostgreSQL))
      }
    }))
  }
  await run(kinds['bare argon2id'], 1, IN_FLIGHT)
  for (let done = 0; done < WARM_UP_LOGINS;) {
    done += (await run(kinds['login through the gateway'], 1, IN_FLIGHT)).times.length
  }
  const together = await measureAll(false)
  if (!which('taskset')) return together
  const shareAgain = hashApart()
  const apart = await measureAll(true)
  shareAgain()
  return [...together, ...apart]
}

type Work = (number: number) => Promise<boolean>
interface Round { perSecond: number, times: number[], refused: number }
type MeasuredRound = Round & Pick<LoginRow, 'cpu'>

/** The hash with the parameters of auth, by the library of auth. */
function bareVerify (): Work {
  const { hashSync, verify } =
    createRequire(new URL('../../../services/auth/package.json', import.meta.url))('@node-rs/argon2') as {
      hashSync(password: string, options: object): string
      verify(hash: string, password: string): Promise<boolean>
    }
  const stored = hashSync(PASSWORD, { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 })
  return () => verify(stored, PASSWORD)
}

function loginAt (callers: Caller[]): Work {
  return async (number) => {
    const { status } = await callers[number % callers.length]!.call('POST', '/api/auth/login', {
      body: { email: emailOf(number % ACCOUNTS), password: PASSWORD }
    })
    return status === 200
  }
}

async function run (work: Work, seconds: number, inFlight: number): Promise<Round> {
  const times: number[] = []
  let [refused, started] = [0, 0]
  const begun = performance.now()
  const end = begun + seconds * 1_000
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (performance.now() < end) {
      const start = performance.now()
      if (await work(started++)) times.push(performance.now() - start)
      else refused++
    }
  }))
  return { perSecond: times.length / ((performance.now() - begun) / 1_000), times, refused }
}

/** Sessions of one account, begun one after the other. */
export async function beginSessions (gateway: Caller, count: number): Promise<string[]> {
  const tokens: string[] = []
  await Promise.all(Array.from({ length: 4 }, async () => {
    while (tokens.length < count) {
      const { status, body } = await gateway.call('POST', '/api/auth/login', {
        body: { email: emailOf(0), password: PASSWORD }
      })
      if (status !== 200) throw new Error(`login: ${status} ${JSON.stringify(body)}`)
      tokens.push(body.accessToken)
    }
  }))
  return tokens.slice(0, count)
}
