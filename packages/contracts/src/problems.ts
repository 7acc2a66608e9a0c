import type { ProblemDefinition } from './problem.ts'
import { services } from './services.ts'

type Services = typeof services

/** The code of a problem of some service; those of the gateway can be answered by any layer of any process. */
export type ProblemCode = { [Name in keyof Services]: keyof Services[Name]['problems'] }[keyof Services] & string

/** Every problem by its code. */
export const problems = Object.assign(
  {},
  ...Object.values(services).map((service) => service.problems)
) as Readonly<Record<ProblemCode, ProblemDefinition>>
