// A process as services are: one route that takes as long as it is asked to, one that tells the megabytes of its heap, one that is a load for it.
import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { Type } from '@sinclair/typebox'
import type { Logger } from 'pino'
import { health } from '../../src/health.ts'
import { run } from '../../src/run.ts'
import { createServer } from '../../src/server.ts'
import { commonSettings, port } from '../../src/settings.ts'

await run({
  name: 'example',
  settings: Type.Object({ ...commonSettings, MAIN_PORT: port({ description: 'The main port' }), OPS_PORT: port({ description: 'The operations port' }) }),
  env: process.env,
  async load () {
    if (process.env.WASTEFUL) Array.from({ length: 2_000_000 }, (_, n) => ({ n }))
    return { buildApp }
  },
  ports: ({ MAIN_PORT, OPS_PORT }) => ({ main: MAIN_PORT, operations: OPS_PORT })
})

async function buildApp ({ log }: { log: Logger }) {
  const app = createServer({ log })
  app.get('/heap', { config: { auth: 'none' } }, async () => ({ megabytes: process.memoryUsage().heapTotal / 1e6 }))
  app.get('/load', { config: { auth: 'none' } }, async () => {
    const alive = Array.from({ length: 200_000 }, (_, n) => ({ n }))
    return { objects: alive.length, youngMegabytes: getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')!.space_size / 1e6 }
  })
  await app.register(health, { checks: [] })
  app.get<{ Params: { ms: string } }>('/slow/:ms', { config: { auth: 'none' } }, async (request) => {
    await sleep(Number(request.params.ms))
    return { slept: request.params.ms }
  })
  return app
}
