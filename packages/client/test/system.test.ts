import { startSystem, type System } from '@gatepost/testing/system'
import { afterAll, beforeAll, describe } from 'vitest'
import { installTarball, type Installed } from './support/installed.ts'
import { browser, startPageServer, type PageServer } from './system/browser.ts'
import { holds, TOKEN_SECONDS } from './system/holds.ts'
import { installed } from './system/installed.ts'

// One system and one tarball for all that needs them: each takes a processor several seconds.
let system: System
let client: Installed
let pages: PageServer
beforeAll(async () => {
  pages = await startPageServer()
  ;[system, client] = await Promise.all([
    startSystem({
      env: {
        ACCESS_TOKEN_TTL: String(TOKEN_SECONDS),
        RATE_LIMIT_MAX: '1000000',
        SENSITIVE_RATE_LIMIT_MAX: '1000000',
        USER_RATE_LIMIT_MAX: '1000000',
        CORS_ORIGINS: pages.origin
      }
    }),
    installTarball()
  ])
}, 120_000)
afterAll(() => Promise.all([system?.stop(), client?.remove(), pages?.stop()]))

describe('the tarball', () => installed(() => ({ client, system })))
describe('the example page', () => browser(() => ({ client, system, pages })))
describe('against a running system', () => holds(() => system)) // last, for it restarts it
