import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'

await run({
  name: 'console',
  settings: settingsSchema,
  env: process.env,
  load: () => import('./app.ts'),
  ports: ({ CONSOLE_PORT, CONSOLE_OPS_PORT }) => ({ main: CONSOLE_PORT, operations: CONSOLE_OPS_PORT })
})
