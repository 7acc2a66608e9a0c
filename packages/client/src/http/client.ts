import { calls, STREAM_ID, type Session } from '../contract.ts'
import { read, type AnyAnswer } from './attempt.ts'
import type { Client } from './calls.ts'
import { orAborted } from './deadline.ts'
import { ProblemError } from './errors.ts'
import { followEvents, type LiveEventOptions } from './live-events.ts'
import { itemsOf } from './pages.ts'
import type { AnyInput } from './request.ts'
import { createSessionKeeper, type SessionOptions } from './session.ts'
import { createTransport, type Authorize, type TransportOptions } from './transport.ts'

export interface ClientOptions extends TransportOptions, SessionOptions {
  /** An API key (`gp_…`) to act with, in place of a session. */
  apiKey?: string
}

/** A used refresh token is good for 10 s more, so the attempts after a lost answer have to fit there. */
const REFRESH_ATTEMPT_MS = 3_000

const anonymous: Authorize = (send) => send(undefined)

/** A client of the API. Calls throw a {@link ProblemError} when it refuses, a `NetworkError` when it cannot be had. */
export function createClient (options: ClientOptions): Client {
  const { apiKey } = options
  const invoke = createTransport(options)

  const keeper = createSessionKeeper(apiKey === undefined ? options : {}, async (token) => {
    const { body } = await invoke('refreshToken', { body: { refreshToken: token } }, {
      authorize: anonymous,
      use: read,
      repeat: true,
      attemptMs: REFRESH_ATTEMPT_MS
    })
    return body as Session
  })

  /** Once more with a newer token, if there is one. */
  const asUser: Authorize = async (send, signal) => {
    if (apiKey !== undefined) return send(apiKey)
    const token = await orAborted(keeper.token(), signal)
    try {
      return await send(token)
    } catch (error) {
      if (!isUnauthorized(error)) throw error
      const renewed = await orAborted(keeper.renew(token), signal)
      if (renewed === undefined) throw error
      return send(renewed)
    }
  }

  async function call (id: string, input: AnyInput = {}): Promise<AnyAnswer> {
    const { auth, session } = calls[id]!
    const answer = await invoke(id, input, { authorize: auth === 'none' ? anonymous : asUser, use: read })
    if (session && isSession(answer.body)) await keeper.set(answer.body)
    return answer
  }

  /** Nobody refreshes meanwhile, and none is needed: the refresh token stands for an access token that is over. */
  function logout (input: AnyInput = {}): Promise<AnyAnswer> {
    return keeper.alone(async () => {
      const { current } = keeper
      const body = input.body ?? (current && { refreshToken: current.refreshToken })
      const over = () => input.query?.scope === 'others' ? undefined : keeper.set(undefined)
      try {
        const answer = await invoke('logout', { ...input, body }, {
          authorize: (send) => send(current?.accessToken ?? apiKey),
          use: read
        })
        await over()
        return answer
      } catch (error) {
        if (isUnauthorized(error)) await over()
        throw error
      }
    })
  }

  const pages = (id: string) => (input: AnyInput = {}) =>
    itemsOf(
      (cursor) => call(id, { ...input, query: { ...input.query, cursor } }),
      input.query?.cursor as string | undefined
    )

  const events = (options: LiveEventOptions = {}) =>
    followEvents((after, signal) =>
      invoke(STREAM_ID, { headers: { 'last-event-id': after }, signal }, {
        authorize: asUser,
        use: async (response) => response
      }), options)

  const operations = Object.keys(calls).filter((id) => id !== STREAM_ID).map((id) => [
    id,
    Object.assign((input?: AnyInput) => call(id, input), calls[id]!.paged && { all: pages(id) })
  ])
  return Object.defineProperty({ ...Object.fromEntries(operations), logout, events }, 'session', {
    get: () => keeper.current,
    enumerable: true
  })
}

function isUnauthorized (error: unknown) {
  return error instanceof ProblemError && error.status === 401
}

/** An answer of the same operation may be another thing: a registration that waits for its mail has no session. */
function isSession (body: unknown): body is Session {
  return typeof (body as Session | undefined)?.refreshToken === 'string'
}
