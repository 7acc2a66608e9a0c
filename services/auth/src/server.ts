import { run } from '@gatepost/service-kit/run'
import { buildApp } from './app.ts'
import { settingsSchema } from './config.ts'

await run({
  name: 'auth',
  settings: settingsSchema,
  env: process.env,
  build: buildApp,
  ports: ({ AUTH_PORT, AUTH_OPS_PORT }) => ({ main: AUTH_PORT, operations: AUTH_OPS_PORT })
})
