import { authOperations } from './auth/operations.ts'
import { feedOperations } from './feed/operations.ts'
import { discoveryOperations } from './gateway/discovery-operations.ts'
import { gatewayOperations } from './gateway/operations.ts'
import { pageOperations } from './gateway/page-operations.ts'
import type { Operation } from './operation.ts'
import { postsOperations } from './posts/operations.ts'
import type { ProblemCode } from './problems.ts'

/** An operation whose problems the catalogue has. */
export interface PublicOperation extends Operation {
  errors: readonly ProblemCode[]
}

const stated = [
  ...authOperations,
  ...postsOperations,
  ...feedOperations,
  ...gatewayOperations,
  ...pageOperations,
  ...discoveryOperations
] satisfies readonly { errors: readonly ProblemCode[] }[]

/** The type of each operation, told apart by its `id`. */
export type KnownOperation = typeof stated[number]

/**
 * Every operation of the public API. The gateway's routing table, validation, limits and OpenAPI are loops over this
 * list.
 */
export const operations = stated as unknown as readonly PublicOperation[]
