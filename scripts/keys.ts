// The keys that sign access tokens.
import { command, UsageError } from './command-line.ts'

const help = `
usage: pnpm keys <command>

  list            the keys and their states
  rotate          has the next key sign from now on; waits until every verifier can know it.
                  A running auth makes the next one
  rotate --now    without waiting, after a leak: some verifiers may answer 401 for up to 30 s
  drop <kid>      forgets a retiring key at once, after a leak: tokens that it signed die

It works on what \`pnpm start\` runs in this folder, or on AUTH_DATABASE_URL.
Exit code 0: done. 1: it could not be done. 2: not a command.`

/** An RFC 7638 thumbprint, SHA-256 in base64url. */
const KID = /^[\w-]{43}$/

await command(
  { name: 'keys', help, options: { now: { type: 'boolean' } }, words: [1, 2], dashed: KID },
  async ({ values: { now = false }, words: [action = '', kid] }) => {
    if (!['list', 'rotate', 'drop'].includes(action)) throw new UsageError(`there is no command "${action}"`)
    if ((kid !== undefined) !== (action === 'drop')) {
      throw new UsageError(kid === undefined
        ? 'drop needs a kid'
        : `unexpected argument '${kid}'`)
    }
    if (now && action !== 'rotate') throw new UsageError(`${action} takes no --now`)
    const { manageKeys } = await import('./auth/signing-keys.ts')
    await manageKeys((keys) =>
      action === 'list' ? keys.list() : action === 'rotate' ? keys.rotate(now) : keys.drop(kid!)
    )
  }
)
