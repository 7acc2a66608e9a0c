import { setTimeout as sleep } from 'node:timers/promises'
import { hashSync } from '@node-rs/argon2'
import { expect, test } from 'vitest'
import { commonPasswordCount, isCommonPassword } from '../src/passwords/common-passwords.ts'
import { HASH_PARAMETERS, parseStoredHash } from '../src/passwords/password-hash.ts'
import { createPasswordHasher } from '../src/passwords/password-hasher.ts'
import { passwordWeaknesses } from '../src/passwords/password-policy.ts'
import { createWorkLimit } from '../src/passwords/work-limit.ts'

const owner = { email: 'ada.lovelace@example.test', displayName: 'Ada Lovelace' }

test('at least 40,000 common passwords are refused, in any case, and no part of one is', () => {
  expect(commonPasswordCount()).toBeGreaterThanOrEqual(40_000)
  for (const password of ['password', '1qaz2wsx', 'TrustNo1', 'sunshine1', 'CHRISTOPHER', 'liverpool1']) {
    expect([password, isCommonPassword(password)]).toEqual([password, true])
  }
  for (const password of ['password\n12345678', 'christopher christopher', 'ristophe', '', '1qaz2ws']) {
    expect([password, isCommonPassword(password)]).toEqual([password, false])
  }
  expect(Array.from({ length: 10_000 }, (_, number) => `violet tram ${number}`).filter(isCommonPassword)).toEqual([])
})

test.each([
  ['short77', /at least 8 characters/],
  ['密码密', /at least 8 characters/],
  ['🚋🚋🚲🦊', /at least 8 characters/],
  ['Password1!', /usual substitutions or endings/],
  ['P@ssword1', /usual substitutions or endings/],
  ['Summer2025', /usual substitutions or endings/],
  ['$umm3r2025!', /usual substitutions or endings/],
  ['pa55w0rd2024', /usual substitutions or endings/],
  ['l3tm31n!!', /usual substitutions or endings/],
  ['2025Winter', /usual substitutions or endings/],
  ['\uff30assword9!', /usual substitutions or endings/],
  ['l0ve1ace99', /e-mail/],
  ['password', /common/],
  ['PassWord', /common/],
  ['1qaz2wsx', /common/],
  ['abababababab', /repeats/],
  ['ada.lovelace@example.test', /e-mail/],
  ['Ada.Lovelace1815', /e-mail/],
  ['lovelace!!', /e-mail/],
  ['ecalevol99', /e-mail/],
  ['Ada Lovelace!', /display name/],
  ['x'.repeat(1025), /at most 1024 bytes/],
  ['密'.repeat(342), /at most 1024 bytes/]
])('%s is refused with the reason', (password, reason) => {
  expect(passwordWeaknesses(password, owner).join()).toMatch(reason)
})

test.each([
  'violet tram 92 over Dresden',
  'пароль из слов',
  '🚋🚋🚲🦊🚋🚲🦊🚲',
  '密码密码不是密码',
  'k7#vQ2m9',
  'summer in Dresden',
  'a lovelace of my own choosing',
  '        spaces   are fine  '
])('%s is fine', (password) => {
  expect(passwordWeaknesses(password, owner)).toEqual([])
})

test('hashes are argon2id with 19 MiB, two passes, one lane', async () => {
  const hasher = await createPasswordHasher()
  expect(await hasher.create('x')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

test('a hash with other parameters is good and outdated', async () => {
  const hasher = await createPasswordHasher()
  const older = hashSync('secret', { ...HASH_PARAMETERS, timeCost: 1 })
  expect(await hasher.check('secret', older)).toEqual({ matches: true, outdated: true })
  expect(await hasher.check('secret', await hasher.create('secret'))).toEqual({ matches: true, outdated: false })
})

const [composed, decomposed] = [
  'Trambahn fu\u0308r M\u00fcnchen'.normalize('NFC'),
  'Trambahn fu\u0308r M\u00fcnchen'.normalize('NFD')
]

test('a password is the same composed, decomposed and with another space', async () => {
  const hasher = await createPasswordHasher()
  for (
    const [chosen, typed] of [[composed, decomposed], [decomposed, composed], [
      composed,
      composed.replaceAll(' ', '\u00a0')
    ]] as const
  ) {
    expect(await hasher.check(typed, await hasher.create(chosen))).toEqual({ matches: true, outdated: false })
  }
  expect(await hasher.check(` ${composed}`, await hasher.create(composed))).toMatchObject({ matches: false })
})

test('a hash of a decomposed text is good in both spellings, and outdated', async () => {
  const hasher = await createPasswordHasher()
  const older = hashSync(decomposed, HASH_PARAMETERS)
  for (const typed of [composed, decomposed]) {
    expect(await hasher.check(typed, older)).toEqual({ matches: true, outdated: true })
  }
  expect(await hasher.check('Trambahn fur Munchen', older)).toMatchObject({ matches: false })
})

test('a pepper goes into the hash; the previous pepper still opens it, a lost one does not', async () => {
  const [first, second] = ['a pepper of at least thirty-two characters', 'another pepper, also of thirty-two and more']
  const plain = await createPasswordHasher()
  const peppered = await createPasswordHasher({ pepper: first })
  const rotated = await createPasswordHasher({ pepper: second, previousPepper: first })
  const stored = await peppered.create('secret')
  expect(stored).not.toContain(first)
  expect(await peppered.check('secret', stored)).toEqual({ matches: true, outdated: false })
  expect(await peppered.check('secret', await plain.create('secret'))).toEqual({ matches: true, outdated: true })
  expect(await rotated.check('secret', stored)).toEqual({ matches: true, outdated: true })
  expect(await plain.check('secret', stored)).toMatchObject({ matches: false })
  expect(await plain.check('secret', parseStoredHash(stored)!.phc)).toMatchObject({ matches: false })
})

test.each([
  '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI',
  '$argon2id$v=19$m=19456,t=4000000,p=1$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI',
  '$argon2id$v=19$m=19456,t=2,p=255$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI',
  '$argon2d$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI',
  '$2b$10$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvabcdefghijklm',
  '',
  'plain text'
])('a stored hash that costs too much, or is none, is a wrong password in the usual time: %s', async (stored) => {
  const hasher = await createPasswordHasher()
  const start = performance.now()
  expect(await hasher.check('plain text', stored)).toMatchObject({ matches: false })
  expect(performance.now() - start).toBeLessThan(2_000)
})

test('waiting calls are bounded and served; calls beyond the bound are 503 at once', async () => {
  const hasher = await createPasswordHasher({ concurrency: 1, queue: 3 })
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => hasher.create('x')))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(4)
  for (const result of results) {
    if (result.status === 'rejected') {
      expect(result.reason).toMatchObject({ code: 'OVERLOADED', statusCode: 503, headers: { 'retry-after': '1' } })
    }
  }
  await expect(hasher.create('x')).resolves.toBeTruthy()
})

test('a call that would wait too long is refused at once, with the expected wait', async () => {
  const limit = createWorkLimit({ concurrency: 1, queue: 100, maxWaitMs: 500 })
  const work = () => sleep(200)
  for (let turn = 0; turn < 15; turn++) await limit.run(work)
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => limit.run(work)))
  const served = results.filter(({ status }) => status === 'fulfilled').length
  expect(served).toBeGreaterThanOrEqual(3)
  expect(served).toBeLessThanOrEqual(4)
  expect(limit.waiting()).toBe(0)
})
