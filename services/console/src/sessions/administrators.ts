/** An administrator's login, kept for one visitor of the console for as long as its access token lives. */
interface Login {
  email: string
  accessToken: string
  expiresAt: number
}

export interface Administrators {
  /** Logs in at the gateway; resolves with what is wrong, or undefined. */
  login (visitor: string, credentials: { email: string, password: string }): Promise<string | undefined>
  /** Who the visitor is logged in as. */
  emailOf (visitor: string): string | undefined
  /** Ends a session at the gateway, in the administrator's name; resolves with what is wrong, or undefined. */
  endSession (visitor: string, userId: string, sessionId: string): Promise<string | undefined>
}

const TIMEOUT_MS = 10_000
const MOST = 50

/** The console has no rights of its own over sessions: who ends one is an administrator, and is in the audit trail. */
export function createAdministrators (gatewayUrl: string): Administrators {
  const logins = new Map<string, Login>()

  function loginOf (visitor: string) {
    const login = logins.get(visitor)
    return login !== undefined && login.expiresAt > Date.now() ? login : undefined
  }

  async function call (method: string, path: string, { token, body }: { token?: string, body?: object }) {
    const answer = await fetch(gatewayUrl + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' })
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, any>) }
  }

  return {
    async login (visitor, credentials) {
      const { status, body } = await call('POST', '/api/auth/login', { body: credentials })
      if (status !== 200) return body.detail ?? `the gateway answered ${status}`
      if (body.user.role !== 'admin') {
        await call('POST', '/api/auth/logout', { token: body.accessToken })
        return 'this account is no administrator: `pnpm admin` makes one'
      }
      if (logins.size >= MOST) logins.delete(logins.keys().next().value!)
      logins.set(visitor, {
        email: body.user.email,
        accessToken: body.accessToken,
        expiresAt: Date.now() + body.expiresIn * 1000
      })
      return undefined
    },
    emailOf: (visitor) => loginOf(visitor)?.email,
    async endSession (visitor, userId, sessionId) {
      const login = loginOf(visitor)
      if (login === undefined) return 'log in as an administrator first'
      const { status, body } = await call('DELETE', `/api/auth/users/${userId}/sessions/${sessionId}`, {
        token: login.accessToken
      })
      return status === 204 ? undefined : (body.detail ?? `the gateway answered ${status}`)
    }
  }
}
