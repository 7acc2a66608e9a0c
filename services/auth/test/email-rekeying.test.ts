import { createLog } from '@gatepost/service-kit/log'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rekeyEmails } from '../src/users/email-rekeying.ts'
import { type AuthServer, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

/** An account as it was stored when each spelling of a domain had a key of its own. */
async function olderAccount (email: string) {
  const { user } = await auth.register()
  await auth.sql('UPDATE users SET email = $2, email_key = $3 WHERE id = $1', user.id, email, email.toLowerCase())
  return user.id
}

test('rekeying makes all spellings of a domain one key; the older of two accounts of a mailbox has it', async () => {
  const alone = await olderAccount('Anna@m\u00fcnchen.example')
  const first = await olderAccount('Bo@k\u00f6ln.example')
  const second = await olderAccount('Bo@\uff4b\u00f6ln.example')
  const local = await olderAccount('J\u00fcrgen@example.test')
  const rekey = () => rekeyEmails({ database: auth.store, log: createLog('auth', 'silent') })
  await Promise.all([rekey(), rekey()])
  await rekey()
  const keys = await auth.sql('SELECT id, email_key AS key FROM users WHERE id = ANY($1)', [
    alone,
    first,
    second,
    local
  ])
  expect(Object.fromEntries(keys.map(({ id, key }) => [id, key]))).toEqual({
    [alone]: 'anna@xn--mnchen-3ya.example',
    [first]: 'bo@xn--kln-sna.example',
    [second]: 'bo@\uff4b\u00f6ln.example',
    [local]: 'j\u00fcrgen@example.test'
  })
  for (const email of ['anna@M\u00dcNCHEN.example', 'anna@xn--mnchen-3ya.example']) {
    expect((await auth.login(email)).body.user.id).toBe(alone)
  }
})
