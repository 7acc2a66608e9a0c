/** How a worker's process was told that it is one. */
export const WORKER_ARGUMENT = '--worker'

/** Between the first process and its workers. Every question is answered under its number. */
export type ToSupervisor = { listening: true } | { question: unknown, id: number } | { metrics: object[], id: number } | { failure: string, id: number }
export type ToWorker = { answer: unknown, id: number } | { askMetrics: true, id: number }

/** The first process, as its workers see it. */
export interface Supervisor {
  /** Rejects when the question cannot be sent; waits as long as it takes for the answer. */
  ask (question: unknown): Promise<unknown>
}

/** The way to the process that started this one as a worker; undefined in a process that stands alone. */
export function findSupervisor (): Supervisor | undefined {
  if (!process.argv.includes(WORKER_ARGUMENT) || process.send === undefined) return undefined
  const waiting = new Map<number, (answer: unknown) => void>()
  let lastId = 0
  process.on('message', (message: ToWorker) => {
    if (!('answer' in message)) return
    waiting.get(message.id)?.(message.answer)
    waiting.delete(message.id)
  })
  return {
    ask: (question) => new Promise((resolve, reject) => {
      const id = ++lastId
      waiting.set(id, resolve)
      tell({ question, id }, (error) => {
        if (error === null) return
        waiting.delete(id)
        reject(error)
      })
    })
  }
}

/** Says something to the supervisor; one that is gone ends this process by other ways. */
export function tell (message: ToSupervisor, done: (error: Error | null) => void = () => {}) {
  if (process.connected) process.send!(message, undefined, undefined, done)
  else done(new Error('the supervisor is gone'))
}
