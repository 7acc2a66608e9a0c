import { authOperations } from './auth/operations.ts'
import { feedOperations } from './feed/operations.ts'
import { gatewayOperations } from './gateway/operations.ts'
import type { Operation } from './operation.ts'
import { postsOperations } from './posts/operations.ts'

/**
 * Every operation of the public API. The gateway's routing table, validation, limits and OpenAPI are loops over this
 * list.
 */
export const operations: readonly Operation[] = [
  ...authOperations,
  ...postsOperations,
  ...feedOperations,
  ...gatewayOperations
] as unknown as Operation[]
