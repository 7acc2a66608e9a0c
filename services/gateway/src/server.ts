import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'
import { limitsOf } from './limits/configured-limits.ts'
import { emptyCounters } from './limits/worker-counters.ts'

await run({
  name: 'gateway',
  settings: settingsSchema,
  env: process.env,
  load: () => import('./app.ts'),
  ports: ({ GATEWAY_PORT, GATEWAY_OPS_PORT }) => ({ main: GATEWAY_PORT, operations: GATEWAY_OPS_PORT }),
  workers: {
    count: ({ GATEWAY_WORKERS }) => GATEWAY_WORKERS,
    memory: (settings) => emptyCounters({ workers: settings.GATEWAY_WORKERS, limits: settings.REDIS_URL === undefined ? Object.values(limitsOf(settings)) : [] })
  }
})
