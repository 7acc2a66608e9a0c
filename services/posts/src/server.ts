import { run } from '@gatepost/service-kit/run'
import { buildApp } from './app.ts'
import { settingsSchema } from './config.ts'

await run({
  name: 'posts',
  settings: settingsSchema,
  env: process.env,
  build: buildApp,
  ports: ({ POSTS_PORT, POSTS_OPS_PORT }) => ({ main: POSTS_PORT, operations: POSTS_OPS_PORT })
})
