import { createRandom } from '@gatepost/testing/random'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

/**
 * Random walks over all operations that begin, move and end sessions, compared after every step with a model of one
 * page. A failure prints the seed; SEED=… repeats it.
 */
const SEED = Number(process.env.SEED ?? 20_260_817)
const WALKS = 6
const STEPS = 45

interface ModelSession {
  id: string
  /** All refresh tokens that were given out, oldest first; the last one is good. */
  refreshTokens: string[]
  accessTokens: string[]
  live: boolean
  /** Whether the last move was within the grace. */
  fresh: boolean
}

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

test.each(Array.from({ length: WALKS }, (_, walk) => SEED + walk))('walk %i agrees with the model', async (seed) => {
  const random = createRandom(seed)
  let password = 'the first one of many 11'
  const first = await auth.register({ password })
  const sessions: ModelSession[] = []
  const begin = (
    { sessionId, refreshToken, accessToken }: { sessionId: string, refreshToken: string, accessToken: string }
  ) => {
    sessions.push({
      id: sessionId,
      refreshTokens: [refreshToken],
      accessTokens: [accessToken],
      live: true,
      fresh: false
    })
  }
  begin(first)
  const end = (which: ModelSession[]) => { for (const session of which) session.live = false }
  const live = () => sessions.filter((session) => session.live)

  const steps: Record<string, () => Promise<void>> = {
    async login () {
      const { status, body } = await auth.login(first.email, password)
      expect(status).toBe(200)
      begin(body)
    },
    async refreshCurrent () {
      const session = random.pick(sessions)
      const { status, body } = await auth.call('POST', '/api/auth/refresh-token', {
        body: { refreshToken: session.refreshTokens.at(-1)! }
      })
      expect(status).toBe(session.live ? 200 : 401)
      if (!session.live) return
      session.refreshTokens.push(body.refreshToken)
      session.accessTokens.push(body.accessToken)
      session.fresh = true
    },
    async refreshOld () {
      const session = random.pick(sessions)
      if (session.refreshTokens.length < 2) return
      const index = random.below(session.refreshTokens.length - 1)
      const graceful = session.live && session.fresh && index === session.refreshTokens.length - 2
      const { status, body } = await auth.call('POST', '/api/auth/refresh-token', {
        body: { refreshToken: session.refreshTokens[index] }
      })
      if (graceful) {
        expect(status).toBe(200)
        expect(body.refreshToken).toBe(session.refreshTokens.at(-1))
        session.accessTokens.push(body.accessToken)
      } else {
        expect(body.code).toBe(session.live ? 'AUTH_REFRESH_TOKEN_REUSED' : 'AUTH_INVALID_REFRESH_TOKEN')
        end([session])
      }
    },
    async refreshAtOnce () {
      const session = random.pick(sessions)
      const refreshToken = session.refreshTokens.at(-1)!
      const answers = await Promise.all([1, 2, 3].map(() =>
        auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })
      ))
      expect(answers.map(({ status }) => status)).toEqual(Array(3).fill(session.live ? 200 : 401))
      if (!session.live) return
      expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1)
      session.refreshTokens.push(answers[0]!.body.refreshToken)
      session.accessTokens.push(...answers.map(({ body }) => body.accessToken))
      session.fresh = true
    },
    async timePasses () {
      const session = random.pick(sessions)
      await auth.sql(
        "UPDATE sessions SET last_used_at = last_used_at - interval '11 seconds' WHERE id = $1",
        session.id
      )
      session.fresh = false
    },
    async logout () {
      const session = random.pick(sessions)
      const scope = random.pick(['local', 'others', 'all'] as const)
      const left = { local: [], others: live().filter((other) => other !== session), all: live() }[scope]
      const byRefreshToken = random.below(2) === 0
      const { status } = await auth.call('POST', `/api/auth/logout?scope=${scope}`, byRefreshToken
        ? { body: { refreshToken: session.refreshTokens.at(-1)! } }
        : { token: random.pick(session.accessTokens) })
      expect(status).toBe(session.live || left.length === 0 ? 204 : 401)
      if (session.live) {
        end({
          local: [session],
          others: live().filter((other) => other !== session),
          all: live()
        }[scope])
      }
    },
    async deleteSession () {
      const [speaker, target] = [random.pick(sessions), random.pick(sessions)]
      const { status } = await auth.call('DELETE', `/api/auth/sessions/${target.id}`, {
        token: random.pick(speaker.accessTokens)
      })
      expect(status).toBe(!speaker.live ? 401 : target.live ? 204 : 404)
      if (speaker.live) end([target])
    },
    async changePassword () {
      const session = random.pick(sessions)
      const newPassword = `one more tram ${random.below(1e9)}`
      const { status } = await auth.call('POST', '/api/auth/change-password', {
        token: random.pick(session.accessTokens),
        body: { currentPassword: password, newPassword }
      })
      expect(status).toBe(session.live ? 204 : 401)
      if (!session.live) return
      password = newPassword
      end(live().filter((other) => other !== session))
    }
  }

  const walked: string[] = []
  for (let step = 0; step < STEPS; step++) {
    // Most steps test little without live sessions.
    const name = live().length === 0 ? 'login' : random.pick(Object.keys(steps))
    walked.push(name)
    await steps[name]!()
    const session = random.pick(sessions)
    const me = await auth.call('GET', '/api/auth/me', { token: random.pick(session.accessTokens) })
    expect(me.status, walked.join(' ')).toBe(session.live ? 200 : 401)
  }
  const rows = await auth.sql(
    'SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY id',
    first.user.id
  )
  expect(rows.map(({ id }) => id), walked.join(' ')).toEqual(live().map(({ id }) => id).sort())
  const revoked = (await auth.events('session-revoked')).filter(({ data }) => data.userId === first.user.id)
  expect(revoked.map(({ subject }) => subject).sort())
    .toEqual(sessions.filter((session) => !session.live).map(({ id }) => id).sort())
}, 120_000)
