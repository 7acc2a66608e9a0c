// The types that the build wrote out are the contract's. Checked by the compiler, in a stranger's folder.
import type { Events as WrittenEvents, LiveEventType as WrittenLive, Operations as Written } from '@gatepost/client'
import type { Problems as WrittenProblems } from '@gatepost/client'
import type { Operations, Problems } from '../../src/contract.ts'
import type { Events, LiveEventType } from '../../src/event-contract.ts'

type Plain<T> = T extends object ? { -readonly [K in keyof T]: Plain<T[K]> } : T
type Same<A, B> = (<T>() => T extends Plain<A> ? 1 : 2) extends (<T>() => T extends Plain<B> ? 1 : 2) ? true : [A, B]

/** One by one, so that the compiler names the one that differs. */
type Agree<A, B> = { [Key in keyof A & keyof B]: Same<A[Key], B[Key]> }
type AllTrue<T> = { [Key in keyof T]: true }

declare function check<T extends AllTrue<T>> (): void
check<Agree<Operations, Written>>()
check<Agree<Events, WrittenEvents>>()
export const operations: Same<keyof Operations, keyof Written> = true
export const events: Same<keyof Events, keyof WrittenEvents> = true
export const problems: Same<Problems, WrittenProblems> = true
export const live: Same<LiveEventType, WrittenLive> = true
