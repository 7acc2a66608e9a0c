import type {} from '@gatepost/service-kit/identity' // declares what the server's parts look for
import { httpMetrics } from '@gatepost/service-kit/metrics'
import { requestLog } from '@gatepost/service-kit/request-log'
import type {} from '@gatepost/contracts/operation'
import type {} from '@gatepost/service-kit/route'
import { type App, createServer } from '@gatepost/service-kit/server'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { door } from './access/door.ts'
import { createVisitors } from './access/visitors.ts'
import { pairsOf, type Settings } from './config.ts'
import { createReaders } from './database/readers.ts'
import { createEventViews } from './events/event-view.ts'
import { createOperators } from './events/operators.ts'
import { eventRoutes } from './events/routes.ts'
import { createSharedTail } from './events/tail.ts'
import { createLivePages } from './live/live-pages.ts'
import { mailRoutes } from './mail/routes.ts'
import { PAGE_HEADERS, staticFiles } from './pages/static-files.ts'
import { processRoutes } from './processes/routes.ts'
import { lookAtServers } from './processes/servers.ts'
import { type ProcessAddress, watchProcesses } from './processes/watch.ts'
import { createAdministrators } from './sessions/administrators.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { traceReceiver } from './traces/receiver.ts'
import { traceRoutes } from './traces/routes.ts'
import { createTraceStore } from './traces/trace-store.ts'
import { createTraceView } from './traces/waits.ts'

export interface AppOptions {
  settings: Settings
  log: Logger
  registry: Registry
}

/**
 * The console. It does not listen; closing it closes all that it opened. Broker and databases are connected to when a
 * page shows what is there.
 */
export async function buildApp ({ settings, log, registry }: AppOptions): Promise<App> {
  const app = createServer({ log, headers: PAGE_HEADERS })
  const processes = addressesIn(settings.CONSOLE_PROCESSES)
  const servers = settings.NATS_URL.join(',')
  const operators = createOperators(servers)
  const readers = createReaders(pairsOf(settings.CONSOLE_DATABASES))
  const store = createTraceStore()
  const watch = watchProcesses(processes)
  const tail = createSharedTail({ servers, operators, log })
  const views = createEventViews({ operators, readers })
  const gateway = processes.find(({ name }) => name === 'gateway')?.url ?? settings.PUBLIC_URL

  await app.register(httpMetrics, { registry })
  await app.register(requestLog)
  await app.register(door, {
    visitors: createVisitors(settings.CONSOLE_TOKEN),
    tracesToken: settings.CONSOLE_TRACES_TOKEN
  })
  const live = createLivePages(app)
  await staticFiles(app)
  processRoutes(app, {
    watch,
    live,
    servers: () => lookAtServers({ readers, operators }),
    publicUrl: settings.PUBLIC_URL
  })
  traceReceiver(app, { store })
  traceRoutes(app, {
    store,
    live,
    view: createTraceView({ store, readers, views }),
    answeredPerSecond: () => watch.perSecond('gateway'),
    attend: () => watch.attend(() => {})
  })
  eventRoutes(app, { live, operators, readers, tail, views })
  mailRoutes(app, { live, folder: settings.MAIL_DIR })
  sessionRoutes(app, { live, readers, store, administrators: createAdministrators(gateway) })

  app.addHook('onClose', async () => {
    watch.stop()
    await tail.close()
    await operators.close()
    await readers.close()
  })
  return app
}

/** The gateway first, where requests begin. */
function addressesIn (list: readonly string[]): ProcessAddress[] {
  return [...pairsOf(list)].sort(([name]) => name === 'gateway' ? -1 : 0).map(([name, value]) => {
    const [url, operationsUrl] = value.split('|') as [string, string]
    return { name, url: url.replace(/\/$/, ''), operationsUrl: operationsUrl.replace(/\/$/, '') }
  })
}
