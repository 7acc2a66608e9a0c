/** Tells a process that it is a worker. */
export const ARGUMENT = '--worker'

/** Messages between the first process and its workers. Every question is answered under its number. */
export type ToSupervisor = { listening: true } | { metrics: object[], id: number } | { failure: string, id: number }
export type ToWorker = { askMetrics: true, id: number }

/** Whether this process is one of several behind a port; false for a process alone and for a supervisor. */
export function isWorker (): boolean {
  return process.argv.includes(ARGUMENT) && process.send !== undefined
}

/** Sends a message to the supervisor. The loss of the supervisor ends this process in other ways. */
export function tell (message: ToSupervisor) {
  if (process.connected) process.send!(message, undefined, undefined, () => {})
}
