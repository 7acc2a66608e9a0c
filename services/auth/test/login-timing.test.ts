import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

/**
 * The time of a refused login must not tell whether there is an account. Samples are interleaved, so that whatever else
 * the machine does hits all kinds alike, and medians are compared: a missing dummy hash shows as the whole time of a hash.
 */
const ROUNDS = 60
const TOLERANCE = 0.2

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

function median (values: number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2
}

test('unknown, wrong and disabled logins take the same time', async () => {
  const { email: wrong } = await auth.register()
  const { email: disabled, user } = await auth.register()
  await auth.sql('UPDATE users SET disabled_at = now() WHERE id = $1', user.id)
  const times: Record<string, number[]> = { unknown: [], wrong: [], disabled: [] }
  const addresses: Record<string, string> = { unknown: 'nobody@example.test', wrong, disabled }
  for (let round = 0; round < ROUNDS; round++) {
    // The order turns, so that no kind is always the first after a pause.
    const kinds = Object.keys(times).map((_, index, all) => all[(index + round) % all.length]!)
    for (const kind of kinds) {
      const start = performance.now()
      const { status } = await auth.login(addresses[kind]!, 'not the password', `203.0.${round}.1`)
      times[kind]!.push(performance.now() - start)
      expect(status).toBe(401)
    }
    // Counters must not fill: a locked answer is quick for everybody.
    if (round % 5 === 4) await auth.sql('DELETE FROM login_attempts')
  }
  const medians = Object.fromEntries(Object.entries(times).map(([kind, values]) => [kind, median(values.slice(5))]))
  const all = Object.values(medians)
  const spread = (Math.max(...all) - Math.min(...all)) / Math.min(...all)
  expect(spread, JSON.stringify(medians)).toBeLessThan(TOLERANCE)
})
