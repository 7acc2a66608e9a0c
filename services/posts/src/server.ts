import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'

await run({
  name: 'posts',
  settings: settingsSchema,
  env: process.env,
  load: () => import('./app.ts'),
  ports: ({ POSTS_PORT, POSTS_OPS_PORT }) => ({ main: POSTS_PORT, operations: POSTS_OPS_PORT })
})
