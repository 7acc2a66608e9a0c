import { feed } from '@gatepost/contracts/feed/service'
import { runService } from '@gatepost/service/run'
import { settingsSchema } from './config.ts'

await runService(feed, { settings: settingsSchema, env: process.env, load: () => import('./app.ts') })
