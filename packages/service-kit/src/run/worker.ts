import { mapSharedMemory } from './shared-memory.ts'

/** How a worker's process is told that it is one, and which: `--worker=0`. */
const ARGUMENT = '--worker='
/** Where a worker finds the memory that it shares: behind the standard streams and the channel to its supervisor. */
const MEMORY_DESCRIPTOR = 4

/** Between the first process and its workers. Every question is answered under its number. */
export type ToSupervisor = { listening: true } | { metrics: object[], id: number } | { failure: string, id: number }
export type ToWorker = { askMetrics: true, id: number }

/** What a worker knows of its place among the others. */
export interface Worker {
  /** From 0; one that takes the place of a dead one has its number. */
  index: number
  /** Memory of all of them: what one writes there, the others read. To be called once. */
  mapMemory: () => Promise<ArrayBuffer>
}

export const argumentOf = (index: number) => `${ARGUMENT}${index}`

/** Which worker this process is; undefined in a process that stands alone. */
export function thisWorker (): Worker | undefined {
  const argument = process.argv.find((argument) => argument.startsWith(ARGUMENT))
  if (argument === undefined || process.send === undefined) return undefined
  return { index: Number(argument.slice(ARGUMENT.length)), mapMemory: () => mapSharedMemory(MEMORY_DESCRIPTOR) }
}

/** Says something to the supervisor; one that is gone ends this process by other ways. */
export function tell (message: ToSupervisor) {
  if (process.connected) process.send!(message, undefined, undefined, () => {})
}
