import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bareEnvironment } from '@gatepost/testing/environment'
import type { System } from '@gatepost/testing/system'
import { root } from './second-process.ts'

/** Runs a command of the operator's, such as `keys rotate`, on auth of a running system. */
export async function runCommand (system: System, command: string, ...args: string[]) {
  const env = {
    ...bareEnvironment,
    AUTH_DATABASE_URL: system.databaseUrl('auth'),
    TOKEN_SECRET: await system.tokenSecret()
  }
  return promisify(execFile)(process.execPath, [join(root, `scripts/${command}.ts`), ...args], { env })
}
