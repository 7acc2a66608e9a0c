import { startSystem, type System } from '@gatepost/testing/system'
import { afterAll, beforeAll, describe } from 'vitest'
import { docsPages } from './from-outside/docs-pages.ts'
import { edge } from './from-outside/edge.ts'
import { journey } from './from-outside/journey.ts'
import { readme } from './from-outside/readme.ts'

// What only asks, as strangers do, asks one system: to start one takes a processor seven seconds.
let system: System
beforeAll(async () => {
  system = await startSystem({
    env: { RATE_LIMIT_MAX: '100000', SENSITIVE_RATE_LIMIT_MAX: '100000', CORS_ORIGINS: 'https://app.example' }
  })
}, 60_000)
afterAll(() => system?.stop())

describe('the README', () => readme(() => system)) // first, for it shows what a new system shows
describe('the edge', () => edge(() => system))
describe('from sign-up to the end of the account', () => journey(() => system))
docsPages(() => system)
