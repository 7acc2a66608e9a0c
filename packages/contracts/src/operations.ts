import type { Operation } from './operation.ts'
import type { ProblemCode } from './problems.ts'
import { services } from './services.ts'

type Services = typeof services

/** The type of each operation, told apart by its `id`. */
export type KnownOperation = Services[keyof Services]['operations'][number]

/** An operation whose problems the catalogue has. */
export interface PublicOperation extends Operation {
  errors: readonly ProblemCode[]
}

const stated = Object.values(services).flatMap(({ operations }): readonly KnownOperation[] =>
  operations
) satisfies readonly { errors: readonly ProblemCode[] }[]

/**
 * Every operation of the public API. The gateway's routing table, validation, limits and OpenAPI are loops over this
 * list.
 */
export const operations = stated as unknown as readonly PublicOperation[]
