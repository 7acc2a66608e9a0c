/** What `pnpm start` is asked over the channel that it gave this process. */
export interface RestartRequest { restart: string, id: number }
export interface RestartAnswer { id: number, fault?: string }

const TIMEOUT_MS = 60_000

/** Whether somebody started this process who can restart the others. */
export const canRestart = process.send !== undefined

let count = 0

/** Has a process stopped and started again; resolves once it is ready, with what went wrong if anything did. */
export function restart (name: string): Promise<string | undefined> {
  const id = ++count
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const hear = (answer: RestartAnswer) => { if (answer.id === id) resolve(answer.fault) }
  process.on('message', hear)
  const timer = setTimeout(resolve, TIMEOUT_MS, 'it did not become ready within a minute')
  process.send!({ restart: name, id } satisfies RestartRequest)
  return promise.finally(() => {
    clearTimeout(timer)
    process.off('message', hear)
  })
}
