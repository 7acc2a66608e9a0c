import type { Ground } from '../lab/ground.ts'
import { callerOf } from './client.ts'
import { quantile } from '../lab/statistics.ts'
import { beginSessions } from './logins.ts'
import type { Stage } from './stage.ts'

export interface RevocationRow {
  name: string
  p50: number
  p99: number
  max: number
}

const LATE_MS = 10_000

/**
 * Milliseconds from the 204 of a logout to the first 401, at each door; asked again and again, one question at a time.
 */
export async function measureRevocations (
  ground: Ground,
  { gateways, posts }: Stage,
  samples: number
): Promise<RevocationRow[]> {
  const doors = [
    // Answered by the gateway alone, so that no service's 401 is taken for its own.
    { name: 'first gateway', origin: gateways[0], method: 'HEAD', path: '/api/events' },
    { name: 'second gateway', origin: gateways[1], method: 'HEAD', path: '/api/events' },
    { name: 'posts itself', origin: posts, method: 'GET', path: '/api/posts?limit=1' }
  ] as const
  const callers = doors.map(({ origin }) => callerOf(origin, 1))
  const logout = callerOf(gateways[0], 4)
  for (const caller of [...callers, logout]) ground.onEnd(() => caller.close())
  const times = doors.map(() => [] as number[])
  for (const token of await beginSessions(logout, samples)) {
    for (const [index, { name, method, path }] of doors.entries()) {
      const { status } = await callers[index]!.call(method, path, { token })
      if (status !== 200) throw new Error(`${name}: ${status} before the logout`)
    }
    const { status } = await logout.call('POST', '/api/auth/logout', { token })
    if (status !== 204) throw new Error(`logout: ${status}`)
    const from = performance.now()
    await Promise.all(doors.map(async ({ name, method, path }, index) => {
      while ((await callers[index]!.call(method, path, { token })).status !== 401) {
        if (performance.now() - from > LATE_MS) throw new Error(`${name} still takes the token after ${LATE_MS} ms`)
      }
      times[index]!.push(performance.now() - from)
    }))
  }
  return doors.map(({ name }, index) => ({
    name,
    p50: quantile(times[index]!, 0.5),
    p99: quantile(times[index]!, 0.99),
    max: Math.max(...times[index]!)
  }))
}
