import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'

await run({
  name: 'feed',
  settings: settingsSchema,
  env: process.env,
  load: () => import('./app.ts'),
  ports: ({ FEED_PORT, FEED_OPS_PORT }) => ({ main: FEED_PORT, operations: FEED_OPS_PORT })
})
