import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type JudgingApp, judgingApp } from './support/judging-app.ts'
import { another, forged, header, now, payload, token, USER } from './support/tokens.ts'

let judge: JudgingApp
beforeEach(async () => {
  judge = await judgingApp()
})
afterEach(async () => { await judge.app.close() })

test('remembered tokens are bounded, and junk pushes no good one out', async () => {
  const good = Array.from({ length: 5 }, (_, n) => token({ ...payload(), exp: now() + 600 + n }))
  for (const one of good) expect((await judge.me(`Bearer ${one}`)).statusCode).toBe(200)
  expect(judge.app.identity.stats.size).toBe(3)
  for (let i = 0; i < 10; i++) await judge.me(`Bearer ${token(payload(), header, another)}`)
  const { hits } = judge.app.identity.stats
  for (const one of good.slice(2)) await judge.me(`Bearer ${one}`)
  expect(judge.app.identity.stats.hits).toBe(hits + 3)
})

const endedSession = '01900000-0000-7000-8000-00000000000c'
const refusedForGood: Record<string, () => string> = {
  'a forged token': () => token(payload(), header, another),
  'an expired token': () => token({ ...payload(), exp: now() - 60 }),
  'a token of an ended session': () => {
    judge.revocations.revoke(endedSession, Date.now() + 600_000)
    return token({ ...payload(), sid: endedSession })
  }
}
test.each(Object.keys(refusedForGood))('%s that comes again is refused again without cryptography', async (name) => {
  const bad = `Bearer ${refusedForGood[name]!()}`
  for (let i = 0; i < 3; i++) expect((await judge.me(bad)).statusCode).toBe(401)
  expect(judge.app.identity.stats).toMatchObject({ hits: 0, misses: 1, refusals: 2 })
})

test.each(['a birth in the future', 'a future nbf'])(
  'a refusal of %s is not remembered, for it may become good',
  async (name) => {
    const early = `Bearer ${forged[name]!()}`
    for (let i = 0; i < 2; i++) expect((await judge.me(early)).statusCode).toBe(401)
    expect(judge.app.identity.stats).toMatchObject({ misses: 2, refusals: 0 })
  }
)

test('a refusal is remembered for the key that it was made with', async () => {
  const other = generateKeyPairSync('ed25519')
  const bearer = `Bearer ${token(payload(), header, other.privateKey)}`
  expect((await judge.me(bearer)).statusCode).toBe(401)
  judge.keys.set('k1', other.publicKey.export({ type: 'spki', format: 'pem' }) as string)
  expect((await judge.me(bearer)).statusCode).toBe(200)
})

test('a key that changes while a token is judged is not the one that it was refused by', async () => {
  const other = generateKeyPairSync('ed25519')
  const bearer = `Bearer ${token(payload(), header, other.privateKey)}`
  judge.source.onFind = () => judge.keys.set('k1', other.publicKey.export({ type: 'spki', format: 'pem' }) as string)
  expect((await judge.me(bearer)).statusCode).toBe(401)
  expect((await judge.me(bearer)).statusCode).toBe(200)
})

test('a token whose key went away during its judgement is good again once the key is back', async () => {
  const bearer = `Bearer ${token()}`
  const known = new Map(judge.keys)
  judge.source.onFind = () => judge.keys.clear()
  expect((await judge.me(bearer)).statusCode).toBe(401)
  for (const [kid, key] of known) judge.keys.set(kid, key)
  expect((await judge.me(bearer)).statusCode).toBe(200)
})

test('remembered refusals are bounded', async () => {
  const verify = (n: number) => judge.app.identity.verify(token({ ...payload(), exp: 1_000_000_000 + n }))
  for (let n = 0; n <= 1_000; n++) await verify(n)
  await verify(1_000)
  expect(judge.app.identity.stats.refusals).toBe(1)
  await verify(0)
  expect(judge.app.identity.stats).toMatchObject({ misses: 1_002, refusals: 1 })
})

test('a token is recognized, without cryptography, only after it was verified and while it is good', async () => {
  const sid = '01900000-0000-7000-8000-00000000000b'
  const good = `Bearer ${token({ ...payload(), sid })}`
  expect(judge.app.identity.recognize(good)).toBeUndefined()
  await judge.me(good)
  expect(judge.app.identity.recognize(good)?.userId).toBe(USER)
  for (const other of [undefined, '', 'Bearer', `${good}x`]) expect(judge.app.identity.recognize(other)).toBeUndefined()
  judge.revocations.revoke(sid, Date.now() + 600_000)
  expect(judge.app.identity.recognize(good)).toBeUndefined()
})

test('a remembered token is refused once its session is revoked', async () => {
  const sid = '01900000-0000-7000-8000-00000000000a'
  const good = token({ ...payload(), sid })
  expect((await judge.me(`Bearer ${good}`)).statusCode).toBe(200)
  judge.revocations.revoke(sid, Date.now() + 600_000)
  expect((await judge.me(`Bearer ${good}`)).statusCode).toBe(401)
})

test('a remembered token is refused once its key is gone', async () => {
  const good = token()
  expect((await judge.me(`Bearer ${good}`)).statusCode).toBe(200)
  judge.keys.clear()
  expect((await judge.me(`Bearer ${good}`)).statusCode).toBe(401)
})
