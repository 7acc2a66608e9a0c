import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { AggregatorRegistry, type MetricObject, Registry } from 'prom-client'
import { ARGUMENT, type ToSupervisor, type ToWorker } from './worker.ts'

export interface WorkersOptions {
  count: number
  log: Logger
  /** Called once when the workers have no future: one could not start, or they die again and again. */
  onHopeless: () => void
}

export interface Workers {
  /** Resolves once all of them listen. */
  ready: Promise<void>
  /** Drains all workers; resolves with whether all ended well. */
  drain (): Promise<boolean>
  kill (): void
  /** The metrics of all workers in one. */
  metrics: Pick<Registry, 'contentType' | 'metrics'>
}

/** This many deaths in a minute are no accident: the operator should hear of it. */
const MAX_DEATHS = 5
const MINUTE_MS = 60_000
const METRICS_TIMEOUT_MS = 2_000

interface Worker {
  child: ChildProcess
  listening: boolean
}

/**
 * Starts workers with this process's own program, which share its port by SO_REUSEPORT. A worker that dies is replaced.
 * Workers live in process groups of their own, so that a terminal's Ctrl-C reaches them only through this process.
 */
export function startWorkers ({ count, log, onHopeless }: WorkersOptions): Workers {
  const workers = new Set<Worker>()
  const asked = new Map<number, (metrics: MetricObject[] | undefined) => void>()
  const ready = Promise.withResolvers<void>()
  let deaths: number[] = []
  let stopping = false
  let clean = true
  let lastId = 0

  function start () {
    const child = fork(process.argv[1]!, [ARGUMENT], { detached: true })
    const worker: Worker = { child, listening: false }
    workers.add(worker)
    child.on('message', (message: ToSupervisor) => hear(worker, message))
    child.on('error', (err) => log.error({ err, worker: child.pid }, 'a worker cannot be reached'))
    child.once('exit', (code, signal) => bury(worker, code, signal))
  }

  function hear (worker: Worker, message: ToSupervisor) {
    if ('metrics' in message) settle(message.id, message.metrics as MetricObject[])
    else if ('failure' in message) settle(message.id, undefined)
    else {
      worker.listening = true
      if ([...workers].filter(({ listening }) => listening).length === count) ready.resolve()
    }
  }

  function send ({ child }: Worker, message: ToWorker) {
    if (child.connected) child.send(message, (err) => { if (err) log.debug({ err }, 'a worker left') })
  }

  function settle (id: number, metrics: MetricObject[] | undefined) {
    asked.get(id)?.(metrics)
    asked.delete(id)
  }

  function bury (worker: Worker, code: number | null, signal: NodeJS.Signals | null) {
    workers.delete(worker)
    if (stopping) {
      clean &&= code === 0 || !worker.listening // a worker that was still starting had nothing to drain
      return
    }
    const now = performance.now()
    deaths = [...deaths.filter((at) => at > now - MINUTE_MS), now]
    const hopeless = !worker.listening || deaths.length > MAX_DEATHS
    log.error(
      { worker: worker.child.pid, code, signal, deaths: deaths.length },
      hopeless ? 'a worker died, and another would too' : 'a worker died, another takes its place'
    )
    if (hopeless) onHopeless()
    else start()
  }

  async function metricsOf (worker: Worker): Promise<MetricObject[] | undefined> {
    const id = ++lastId
    const { promise, resolve } = Promise.withResolvers<MetricObject[] | undefined>()
    asked.set(id, resolve)
    const timer = setTimeout(settle, METRICS_TIMEOUT_MS, id, undefined)
    send(worker, { askMetrics: true, id })
    return promise.finally(() => clearTimeout(timer))
  }

  for (let started = 0; started < count; started++) start()
  return {
    ready: ready.promise,
    async drain () {
      stopping = true
      const ends = [...workers].map(({ child }) => once(child, 'exit'))
      for (const { child } of workers) child.kill('SIGTERM')
      await Promise.all(ends)
      return clean
    },
    kill () {
      stopping = true
      for (const { child } of workers) child.kill('SIGKILL')
    },
    metrics: {
      contentType: Registry.PROMETHEUS_CONTENT_TYPE,
      async metrics () {
        const all = await Promise.all([...workers].filter(({ listening }) => listening).map(metricsOf))
        return AggregatorRegistry.aggregate(all.filter((one) => one !== undefined) as never).metrics()
      }
    }
  }
}

/**
 * Rejects when another process listens at the port, without sharing it or sharing it by accident. To be called before
 * the workers join in.
 */
export async function refuseTakenPort (port: number, host: string) {
  const server = createServer()
  server.listen({ port, host })
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
