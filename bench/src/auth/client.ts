import { Pool } from 'undici'

export interface Caller {
  call(
    method: 'GET' | 'HEAD' | 'POST',
    path: string,
    options?: { token?: string, body?: object }
  ): Promise<{ status: number, body: any }>
  close(): Promise<void>
}

/** Calls over connections that are kept. */
export function callerOf (origin: string, connections: number): Caller {
  const pool = new Pool(origin, { connections, pipelining: 1 })
  return {
    async call (method, path, { token, body } = {}) {
      const headers = {
        ...token && { authorization: `Bearer ${token}` },
        ...body && { 'content-type': 'application/json' }
      }
      const answer = await pool.request({ method, path, headers, body: body && JSON.stringify(body) })
      const text = await answer.body.text()
      return { status: answer.statusCode, body: text === '' ? undefined : JSON.parse(text) }
    },
    close: () => pool.close()
  }
}
