import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Repeats `count` times an action that should retain no memory. */
export type Churn = (count: number) => unknown

/**
 * Bytes that each turn of a churn leaves in memory after a full collection, by the name of the churn: the least of
 * three rounds, since a leak is in each of them and noise is not. They run in a process of their own, from a module
 * that exports them as `churns`, and `close` for what it opened.
 */
export async function retainedBytes (module: URL, count: number): Promise<Record<string, number>> {
  const child = fork(fileURLToPath(new URL('./retained/measure.ts', import.meta.url)), [module.href, String(count)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const exited = once(child, 'exit')
  const measured = await Promise.race([once(child, 'message'), exited])
  await exited
  if (typeof measured[0] !== 'object') throw new Error(`the measuring process ended with ${measured[0]}`)
  return measured[0] as Record<string, number>
}
