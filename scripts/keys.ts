// The keys that sign access tokens.
//
//   pnpm keys list            what there is
//   pnpm keys rotate          the next key signs from now on; waits until every verifier can know it
//   pnpm keys rotate --now    without waiting, after a leak: some verifiers may answer 401 for up to 30 s
//   pnpm keys drop <kid>      forgets a retiring key at once, after a leak: tokens that it signed die
import { setTimeout as sleep } from 'node:timers/promises'
import { keyRepository } from '../services/auth/src/keys/key-repository.ts'
import { rotateKeys } from '../services/auth/src/keys/key-rotation.ts'
import { deriveKey } from '../services/auth/src/secrets.ts'
import { type AuthConnection, connectToAuth } from './auth/connection.ts'

const DEFAULT_ACCESS_TOKEN_TTL = 600

async function list ({ database }: AuthConnection) {
  for (const { kid, state, createdAt, activatedAt, retiresAt } of await keyRepository.list(database.connection)) {
    const since = { next: createdAt, current: activatedAt, retiring: activatedAt }[state] ?? createdAt
    console.log(`${kid}  ${state.padEnd(8)}  since ${since.toISOString()}${retiresAt ? `, until ${retiresAt.toISOString()}` : ''}`)
  }
}

async function rotate ({ database, tokenSecret }: AuthConnection, atOnce: boolean) {
  const options = { accessTokenTtl: Number(process.env.ACCESS_TOKEN_TTL ?? DEFAULT_ACCESS_TOKEN_TTL), atOnce }
  let result = await rotateKeys(database, deriveKey(tokenSecret, 'signing-keys'), options)
  while (!result.rotated) {
    console.log(`the next key is too new; waiting ${Math.ceil(result.waitSeconds)} s until every gateway and service knows it`)
    await sleep(result.waitSeconds * 1000 + 100)
    result = await rotateKeys(database, deriveKey(tokenSecret, 'signing-keys'), options)
  }
  console.log(`${result.kid} signs from now on; auth takes it up within 5 s`)
}

async function drop ({ database }: AuthConnection, kid: string | undefined) {
  if (!kid || !await keyRepository.drop(database.connection, kid)) throw new Error('name the kid of a retiring key; rotate first if it is the current one')
  console.log(`${kid} is gone; its tokens are refused everywhere within 30 s`)
}

const [command, ...args] = process.argv.slice(2)
try {
  const auth = await connectToAuth(process.env)
  try {
    if (command === 'list') await list(auth)
    else if (command === 'rotate') await rotate(auth, args.includes('--now'))
    else if (command === 'drop') await drop(auth, args[0])
    else throw new Error('usage: pnpm keys list | rotate [--now] | drop <kid>')
  } finally {
    await auth.database.close()
  }
} catch (error) {
  console.error(`keys: ${(error as Error).message}`)
  process.exitCode = 1
}
