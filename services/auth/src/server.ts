import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'

await run({
  name: 'auth',
  settings: settingsSchema,
  env: process.env,
  load: () => import('./app.ts'),
  ports: ({ AUTH_PORT, AUTH_OPS_PORT }) => ({ main: AUTH_PORT, operations: AUTH_OPS_PORT })
})
