import type { StaticDecode, TObject } from '@sinclair/typebox'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { createLog } from './log.ts'
import { createRegistry } from './metrics.ts'
import { drain } from './run/drain.ts'
import { supervise } from './run/supervise.ts'
import { isWorker, tell, type ToWorker } from './run/worker.ts'
import type { App } from './server.ts'
import { type commonSettings, parseSettings, SettingsError } from './settings.ts'

export interface Process<Schema extends TObject> {
  name: string
  settings: Schema
  env: Readonly<Record<string, string | undefined>>
  /**
   * Loads the module that builds the app; neither a supervisor of workers needs it, nor a process that only reports a
   * wrong setting.
   */
  load: () => Promise<{
    /** Builds the app; its onClose hooks close everything that it opened. */
    buildApp: (context: { settings: StaticDecode<Schema>, log: Logger, registry: Registry }) => App | Promise<App>
  }>
  /** The ports of this process, from its settings. */
  ports: (settings: StaticDecode<Schema>) => { main: number, operations: number }
  /**
   * The number of processes behind the port, for a service that can run as several. With more than one, the first
   * process serves no requests: it supervises the others. Throws a SettingsError where the settings do not allow it.
   */
  workers?: (settings: StaticDecode<Schema>) => number
}

/**
 * Runs one process from its settings to its last request: a bad setting or a port in use is one readable line and exit
 * code 1; SIGTERM, SIGINT and the loss of a supervising parent drain it (25 s at most); a second signal ends it at
 * once.
 */
export async function run<Schema extends TObject> (
  { name, settings: schema, env, load, ports, workers }: Process<Schema>
): Promise<void> {
  let log: Logger | undefined
  try {
    const settings = parseSettings(schema, env)
    const { HOST, LOG_LEVEL, DRAIN_DELAY, OTEL_EXPORTER_OTLP_ENDPOINT } = settings as unknown as StaticDecode<
      TObject<typeof commonSettings>
    >
    log = createLog(name, LOG_LEVEL)
    const worker = isWorker()
    const count = workers?.(settings) ?? 1
    if (count > 1 && !worker) return await supervise({ count, host: HOST, port: ports(settings), log })
    const stopTraces = OTEL_EXPORTER_OTLP_ENDPOINT ? await startTraces(name, OTEL_EXPORTER_OTLP_ENDPOINT) : undefined
    const registry = createRegistry(name)
    const context = { settings, log, registry }
    const { buildApp } = await load()
    const app = await buildApp(context)
    const port = ports(settings)
    const operations = worker ? undefined : await openOperations(registry, log)
    await app.listen({ host: HOST, port: port.main, ...worker && { reusePort: true } })
    await operations?.listen({ host: HOST, port: port.operations })
    log.info({ port: port.main, operationsPort: operations && port.operations }, 'listening')
    if (worker) showMetrics(registry)
    drain({
      app,
      delaySeconds: DRAIN_DELAY,
      log,
      afterwards: async () => {
        await operations?.close()
        await stopTraces?.()
      }
    })
  } catch (error) {
    log?.flush()
    process.stderr.write(`${name}: ${readable(error)}\n`)
    process.exit(1)
  }
}

/** The operations port is the supervisor's; it asks the workers. */
function showMetrics (registry: Registry) {
  tell({ listening: true })
  process.on('message', (message: ToWorker) => {
    if (!('askMetrics' in message)) return
    const { id } = message
    registry.getMetricsAsJSON().then(
      (metrics) => tell({ metrics, id }),
      (error: Error) => tell({ failure: error.message, id })
    )
  })
}

/** Shares its modules with the app alone, so it is loaded after the settings are checked. */
async function openOperations (registry: Registry, log: Logger) {
  const { createOperationsServer } = await import('./operations-server.ts')
  return createOperationsServer(registry, log)
}

/** The exporter takes a third of a second to load, so only processes that export load it. */
async function startTraces (name: string, endpoint: string) {
  const { exportTraces } = await import('./otel.ts')
  return exportTraces(name, endpoint)
}

function readable (error: unknown) {
  if (error instanceof SettingsError) return error.message.replaceAll('\n', `\n${' '.repeat(4)}`)
  const { code, address, port, stack } = error as NodeJS.ErrnoException & { address?: string, port?: number }
  if (code === 'EADDRINUSE') return `port ${port} is in use; stop what listens there or choose another port`
  if (code === 'EADDRNOTAVAIL') return `HOST is "${address}", which is no address of this machine`
  if (code === 'EACCES') return `port ${port} may not be opened by this user; choose one above 1023`
  return stack ?? String(error)
}
