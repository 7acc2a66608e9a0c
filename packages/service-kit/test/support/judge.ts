// A process that judges tokens: of a key that is its first argument, those that follow. Prints its log, then who each
// token is of.
import { pino } from 'pino'
import { identity } from '../../src/identity.ts'
import { emptyRevocationList } from '../../src/revocation-list.ts'
import { createServer } from '../../src/server.ts'
import { ISSUER } from './tokens.ts'

const [key, ...tokens] = process.argv.slice(2)
const app = createServer({ log: pino(pino.destination({ dest: 1, sync: true })) })
await app.register(identity, {
  keys: { get: () => key, find: () => key },
  revocations: emptyRevocationList(),
  issuer: ISSUER,
  accessTokenTtl: 600
})
for (const token of tokens) process.stdout.write(`${(await app.identity.verify(token))?.userId ?? 'nobody'}\n`)
