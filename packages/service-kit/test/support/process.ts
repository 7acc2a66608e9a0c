// A process as services are: its routes take as long, and log as much, as they are asked to.
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { Logger } from 'pino'
import { health } from '../../src/health.ts'
import { run } from '../../src/run.ts'
import { createServer } from '../../src/server.ts'
import { port } from '../../src/setting-kinds.ts'
import { commonSettings } from '../../src/settings.ts'

await run({
  name: 'example',
  settings: Type.Object({
    ...commonSettings,
    MAIN_PORT: port({ description: 'The main port' }),
    OPS_PORT: port({ description: 'The operations port' })
  }),
  env: process.env,
  load: async () => ({ buildApp }),
  ports: ({ MAIN_PORT, OPS_PORT }) => ({ main: MAIN_PORT, operations: OPS_PORT })
})

async function buildApp ({ log }: { log: Logger }) {
  const app = createServer({ log })
  await app.register(health, { checks: [] })
  app.get<{ Params: { ms: string } }>('/slow/:ms', { config: { auth: 'none' } }, async (request) => {
    await sleep(Number(request.params.ms))
    return { slept: request.params.ms }
  })
  /** Lines of a kilobyte. */
  function write (count: string) {
    for (let n = 0; n < Number(count); n++) log.info({ n, text: 'x'.repeat(900) }, 'line')
  }
  app.get<{ Params: { count: string } }>('/lines/:count', { config: { auth: 'none' } }, async ({ params }) => {
    write(params.count)
    return { megabytes: process.memoryUsage().rss / 1e6 }
  })
  app.get<{ Params: { count: string } }>('/last-lines/:count', { config: { auth: 'none' } }, async ({ params }) => {
    write(params.count)
    process.exit(3)
  })
  return app
}
