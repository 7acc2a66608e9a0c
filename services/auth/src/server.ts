import { auth } from '@gatepost/contracts/auth/service'
import { runService } from '@gatepost/service/run'
import { settingsSchema } from './config.ts'

await runService(auth, { settings: settingsSchema, env: process.env, load: () => import('./app.ts') })
