import { afterAll, beforeAll, describe } from 'vitest'
import { cutOff } from './tokens/cut-off.ts'
import { sessions } from './tokens/sessions.ts'
import { signingKeys } from './tokens/signing-keys.ts'
import { startStage, type TokenStage } from './tokens/stage.ts'

// One system for all: its start takes a processor seven seconds.
let stage: TokenStage
beforeAll(async () => { stage = await startStage() }, 60_000)
afterAll(() => stage?.stop())

describe('sessions', () => sessions(() => stage))
describe('signing keys', () => signingKeys(() => stage))
describe('a gateway cut off from NATS', () => cutOff(() => stage))
