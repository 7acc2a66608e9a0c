import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { onStop } from './stop.ts'
import { refuseTakenPort, startWorkers } from './workers.ts'

interface SuperviseOptions {
  count: number
  host: string
  port: { main: number, operations: number }
  log: Logger
}

/** A worker drains in 25 s at most; a worker that is left after this time is killed. */
const DRAIN_MS = 27_000

/**
 * Runs a service as several workers until it is told to stop: SIGTERM, SIGINT and the loss of a supervising parent
 * drain all of them, a second signal ends them at once. Exits 0 when all drained, 1 otherwise.
 */
export async function supervise ({ count, host, port, log }: SuperviseOptions): Promise<void> {
  await refuseTakenPort(port.main, host)
  const workers = startWorkers({ count, log, onHopeless: () => { void end('a worker cannot run', 1) } })
  const { createOperationsServer } = await import('../operations-server.ts')
  const operations = await createOperationsServer(workers.metrics, log)
  let ending = false

  async function end (cause: string, code: number) {
    if (ending) {
      workers.kill()
      process.exit(1)
    }
    ending = true
    log.info({ cause }, 'draining all workers')
    const clean = await Promise.race([workers.drain(), sleep(DRAIN_MS, false)])
    workers.kill()
    await operations.close()
    log.info('stopped')
    log.flush(() => process.exit(clean ? code : 1))
  }
  onStop((cause) => { void end(cause, 0) })
  await operations.listen({ host, port: port.operations })
  await workers.ready
  log.info({ port: port.main, operationsPort: port.operations, workers: count }, 'listening')
}
