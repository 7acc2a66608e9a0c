// A process as services are: routes that take as long as they are asked to, waiting or busy, and one that tells the megabytes of its heap.
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import { health } from '../../src/health.ts'
import { run } from '../../src/run.ts'
import { createServer } from '../../src/server.ts'
import { commonSettings, port } from '../../src/settings.ts'

await run({
  name: 'example',
  settings: Type.Object({ ...commonSettings, MAIN_PORT: port({ description: 'The main port' }), OPS_PORT: port({ description: 'The operations port' }) }),
  env: process.env,
  async build ({ log }) {
    const app = createServer({ log })
    app.get('/heap', { config: { auth: 'none' } }, async () => ({ megabytes: process.memoryUsage().heapTotal / 1e6 }))
    app.get<{ Params: { ms: string } }>('/busy/:ms', { config: { auth: 'none' } }, async ({ params }) => {
      for (const end = performance.now() + Number(params.ms); performance.now() < end;);
      return { busy: params.ms }
    })
    if (process.env.WASTEFUL) Array.from({ length: 2_000_000 }, (_, n) => ({ n }))
    await app.register(health, { checks: [] })
    app.get<{ Params: { ms: string } }>('/slow/:ms', { config: { auth: 'none' } }, async (request) => {
      await sleep(Number(request.params.ms))
      return { slept: request.params.ms }
    })
    return app
  },
  ports: ({ MAIN_PORT, OPS_PORT }) => ({ main: MAIN_PORT, operations: OPS_PORT })
})
