import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'

await run({
  name: 'posts',
  settings: settingsSchema,
  env: process.env,
  build: async (context) => (await import('./app.ts')).buildApp(context),
  ports: ({ POSTS_PORT, POSTS_OPS_PORT }) => ({ main: POSTS_PORT, operations: POSTS_OPS_PORT })
})
