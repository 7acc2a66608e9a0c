import type { Operation } from '@gatepost/contracts/operation'
import { call, register } from './client.ts'

export interface Stage {
  gatewayUrl: string
  /** An administrator. */
  token: string
}

interface ValidCall {
  /** In place of the url's parameters. */
  id?: string
  body?: unknown
}

let made = 0

/** Calls that succeed, for operations that need more than a url without parameters. */
const calls: Record<string, (stage: Stage) => ValidCall | Promise<ValidCall>> = {
  introspectToken: ({ token }) => ({ body: new URLSearchParams({ token }) }),
  updateMe: () => ({ body: { displayName: 'Ada' } }),
  createUser: () => ({ body: { email: `made${++made}@example.test`, displayName: 'Made' } }),
  manageUser: async (stage) => ({ id: await someUser(stage), body: { disabled: true } }),
  getUser: async (stage) => ({ id: await someUser(stage) }),
  deleteUser: async (stage) => ({ id: await someUser(stage) }),
  getUserOverview: async (stage) => ({ id: await someUser(stage) }),
  createPost: () => ({ body: { title: 'A title', content: 'x' } }),
  getPost: async (stage) => ({ id: await somePost(stage) }),
  updatePost: async (stage) => ({ id: await somePost(stage), body: { title: 'Another' } }),
  deletePost: async (stage) => ({ id: await somePost(stage) })
}

async function someUser ({ gatewayUrl }: Stage) {
  return (await register(gatewayUrl, 'Somebody')).userId
}

async function somePost ({ gatewayUrl, token }: Stage) {
  const { body } = await call(gatewayUrl, 'POST', '/api/posts', { token, body: { title: 'A title', content: 'x' } })
  return body.id as string
}

/** A call of an operation with which it succeeds, as far as its caller may make it. */
export async function validCallOf ({ id, url, body }: Operation, stage: Stage) {
  const made = await calls[id]?.(stage) ?? {}
  const path = url.replace(/:\w+/g, made.id ?? '01900000-0000-7000-8000-000000000001')
  return { path, body: made.body ?? (body && {}) }
}
