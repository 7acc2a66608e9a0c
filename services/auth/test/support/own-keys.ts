import { KEY_EXCHANGE_PATH } from '@gatepost/contracts/auth/key-operations'
import type { AuthServer } from './auth-server.ts'

export const KEYS_PATH = '/api/auth/keys'

/** The calls about a user's API keys. */
export const ownKeys = (server: () => AuthServer) => ({
  make: (token: string, body: object = { name: 'A program' }) => server().call('POST', KEYS_PATH, { token, body }),
  list: async (token: string) => (await server().call('GET', KEYS_PATH, { token })).body.items,
  exchange: (key: string, from?: string) => server().call('GET', KEY_EXCHANGE_PATH, { token: key, from })
})
