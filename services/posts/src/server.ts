import { posts } from '@gatepost/contracts/posts/service'
import { runService } from '@gatepost/service/run'
import { settingsSchema } from './config.ts'

await runService(posts, { settings: settingsSchema, env: process.env, load: () => import('./app.ts') })
