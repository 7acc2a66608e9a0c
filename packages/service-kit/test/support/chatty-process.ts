// A process that logs as much as it is asked to: GET /lines/<count> writes so many lines of a kilobyte,
// /last-lines/<count> ends with them.
import { Type } from '@sinclair/typebox'
import type { Logger } from 'pino'
import { run } from '../../src/run.ts'
import { createServer } from '../../src/server.ts'
import { port } from '../../src/setting-kinds.ts'
import { commonSettings } from '../../src/settings.ts'

await run({
  name: 'chatty',
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
  app.get<{ Params: { count: string } }>('/lines/:count', { config: { auth: 'none' } }, async ({ params }) => {
    for (let n = 0; n < Number(params.count); n++) log.info({ n, text: 'x'.repeat(900) }, 'line')
    return { megabytes: process.memoryUsage().rss / 1e6 }
  })
  app.get<{ Params: { count: string } }>('/last-lines/:count', { config: { auth: 'none' } }, async ({ params }) => {
    for (let n = 0; n < Number(params.count); n++) log.info({ n, text: 'x'.repeat(900) }, 'line')
    process.exit(3)
  })
  return app
}
