import { setTimeout as sleep } from 'node:timers/promises'
import { keyRepository } from '../../services/auth/src/keys/key-repository.ts'
import { dropKey, rotateKeys } from '../../services/auth/src/keys/key-rotation.ts'
import type { Database } from '../../services/auth/src/database/database.ts'
import { connectToAuth } from './connection.ts'

/** Works on auth's signing keys over a connection of its own. */
export async function manageKeys (work: (keys: ReturnType<typeof keysOver>) => Promise<void>): Promise<void> {
  const database = await connectToAuth(process.env)
  try {
    await work(keysOver(database))
  } finally {
    await database.close()
  }
}

function keysOver (database: Database) {
  return {
    async list () {
      const keys = await keyRepository.list(database.connection)
      for (const { kid, state, algorithm, createdAt, activatedAt, retiresAt } of keys) {
        const since = { next: createdAt, current: activatedAt, retiring: activatedAt }[state] ?? createdAt
        console
          .log(`${kid}  ${state.padEnd(8)}  ${algorithm}  since ${since.toISOString()}${
            retiresAt ? `, until ${retiresAt.toISOString()}` : ''
          }`)
      }
    },

    async rotate (atOnce: boolean) {
      let result = await rotateKeys(database, { atOnce })
      while (!result.rotated) {
        console
          .log(`the next key is too new; waiting ${
            Math.ceil(result.waitSeconds)
          } s until every gateway and service knows it`)
        await sleep(result.waitSeconds * 1000 + 100)
        result = await rotateKeys(database, { atOnce })
      }
      console.log(`${result.kid} signs from now on; auth takes it up within 5 s`)
    },

    async drop (kid: string) {
      if (!await dropKey(database, kid)) {
        throw new Error('name the kid of a retiring key; rotate first if it is the current one')
      }
      console.log(`${kid} is gone; its tokens are refused everywhere within 30 s`)
    }
  }
}
