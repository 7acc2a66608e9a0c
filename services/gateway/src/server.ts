import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'
import { countersForWorkers } from './limits/supervised-counters.ts'

await run({
  name: 'gateway',
  settings: settingsSchema,
  env: process.env,
  load: () => import('./app.ts'),
  ports: ({ GATEWAY_PORT, GATEWAY_OPS_PORT }) => ({ main: GATEWAY_PORT, operations: GATEWAY_OPS_PORT }),
  workers: { count: ({ GATEWAY_WORKERS }) => GATEWAY_WORKERS, serve: countersForWorkers }
})
