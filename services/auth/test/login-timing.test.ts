import { afterAll, beforeAll, expect, test } from 'vitest'
import { HASH_PARAMETERS } from '../src/passwords/password-hash.ts'
import { type AuthServer, startAuth } from './support/auth-server.ts'

/**
 * The time of a refused login must not tell whether there is an account. Each round has all kinds, so that other work
 * of the machine hits them alike; the median over all rounds is judged. Without the dummy hash an unknown address is
 * several times quicker.
 */
const ROUNDS = 50
const WARM_UP = 5
const TOLERANCE = 0.2

let auth: AuthServer
beforeAll(async () => { auth = await startAuth({}, undefined, HASH_PARAMETERS) })
afterAll(() => auth.close())

function median (values: number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2
}

test('unknown, wrong and disabled logins take the same time', { timeout: 180_000, retry: 2 }, async () => {
  const { email: wrong } = await auth.register()
  const { email: disabled, user } = await auth.register()
  await auth.sql('UPDATE users SET disabled_at = now() WHERE id = $1', user.id)
  const kinds = { unknown: 'nobody@example.test', wrong, disabled }
  const names = Object.keys(kinds) as Array<keyof typeof kinds>
  const rounds: Array<Record<keyof typeof kinds, number>> = []
  for (let round = 0; round < ROUNDS; round++) {
    const times = { unknown: 0, wrong: 0, disabled: 0 }
    // The order rotates, so that no kind is always the first after a pause.
    for (const kind of names.map((_, index) => names[(index + round) % names.length]!)) {
      const start = performance.now()
      const { status } = await auth.login(kinds[kind], 'not the password', `203.0.${round}.1`)
      times[kind] = performance.now() - start
      expect(status).toBe(401)
    }
    rounds.push(times)
    // A full counter answers quickly, for all kinds.
    if (round % 5 === 4) await auth.sql('DELETE FROM login_attempts')
  }
  for (const kind of ['unknown', 'disabled'] as const) {
    const ratio = median(rounds.slice(WARM_UP).map((times) => times[kind] / times.wrong))
    expect(Math.abs(Math.log(ratio)), `${kind} takes ${ratio.toFixed(2)} times as long as a wrong password`)
      .toBeLessThan(Math.log(1 + TOLERANCE))
  }
})
