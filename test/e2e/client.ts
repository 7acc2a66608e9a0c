export interface Answer {
  status: number
  headers: Headers
  /** The JSON body, or the text when it is not JSON. */
  body: any
}

interface CallOptions {
  token?: string
  body?: unknown
  headers?: Record<string, string>
}

/** One HTTP call as a REST client would make it. */
export async function call (
  origin: string,
  method: string,
  path: string,
  { token, body, headers = {} }: CallOptions = {}
): Promise<Answer> {
  const response = await fetch(origin + path, {
    method,
    headers: {
      ...token && { authorization: `Bearer ${token}` },
      ...body !== undefined && { 'content-type': 'application/json' },
      ...headers
    },
    ...body !== undefined && { body: JSON.stringify(body) }
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text !== '' && /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text
  }
}

export const codes = ({ status, body }: Answer) => [status, body.code]

const CHANGING = ['date', 'x-request-id', 'ratelimit', 'etag']

/** An answer without the parts that differ from call to call by their nature. */
export function plain ({ status, headers, body }: Answer) {
  return {
    status,
    body: { ...body, requestId: '' },
    headers: [...headers].filter(([name]) => !CHANGING.includes(name))
  }
}

export interface Account {
  userId: string
  email: string
  password: string
  accessToken: string
  refreshToken: string
  sessionId: string
}

let count = 0

/** A new account with a session of its own. */
export async function register (gatewayUrl: string, displayName: string): Promise<Account> {
  const email = `user${process.pid}.${count++}@example.com`
  const password = `long enough ${count} horse`
  const { status, body } = await call(gatewayUrl, 'POST', '/api/auth/register', {
    body: { email, password, displayName }
  })
  if (status !== 201) throw new Error(`register answered ${status}: ${JSON.stringify(body)}`)
  return {
    userId: body.user.id,
    email,
    password,
    accessToken: body.accessToken,
    refreshToken: body.refreshToken,
    sessionId: body.sessionId
  }
}
