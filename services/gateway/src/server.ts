import { run } from '@gatepost/service-kit/run'
import { settingsSchema, workersOf } from './config.ts'

await run({
  name: 'gateway',
  settings: settingsSchema,
  env: process.env,
  load: () => import('./app.ts'),
  ports: ({ GATEWAY_PORT, GATEWAY_OPS_PORT }) => ({ main: GATEWAY_PORT, operations: GATEWAY_OPS_PORT }),
  workers: workersOf
})
