import { run } from '@gatepost/service-kit/run'
import { settingsSchema } from './config.ts'

await run({
  name: 'posts',
  settings: settingsSchema,
  env: process.env,
  build: async (context) => (await import('./app.ts')).buildApp(context), // so that a wrong setting is told at once
  ports: ({ POSTS_PORT, POSTS_OPS_PORT }) => ({ main: POSTS_PORT, operations: POSTS_OPS_PORT })
})
