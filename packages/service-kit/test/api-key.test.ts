import { expect, test } from 'vitest'
import { createApiKeyText, idOfApiKey } from '../src/api-key.ts'
import { uuidv7 } from '../src/uuid.ts'

const IDS = [
  '00000000-0000-7000-8000-000000000000',
  'ffffffff-ffff-7fff-bfff-ffffffffffff',
  ...Array.from({ length: 200 }, () => uuidv7())
]

test('a key has one form, tells its id, and no two are alike', () => {
  const keys = IDS.map(createApiKeyText)
  expect(keys.map(idOfApiKey)).toEqual(IDS)
  for (const key of keys) expect(key).toMatch(/^gp_[0-9A-Za-z]{22}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/)
  expect(new Set(IDS.map(() => createApiKeyText(IDS[0]!))).size).toBe(IDS.length)
})

test('form or checksum reveals every wrong, missing and additional character', () => {
  const key = createApiKeyText(uuidv7())
  for (let at = 0; at < key.length; at++) {
    const other = key[at] === 'a' ? 'b' : 'a'
    expect(idOfApiKey(key.slice(0, at) + other + key.slice(at + 1))).toBeUndefined()
    expect(idOfApiKey(key.slice(0, at))).toBeUndefined()
  }
  for (const text of [`${key} `, ` ${key}`, `${key}\n`, key.toUpperCase(), key + key, 'gp_', '']) {
    expect(idOfApiKey(text)).toBeUndefined()
  }
})

test('a key whose part is too large for its value is refused', () => {
  // 62^22 is above 2^128: not all of what looks like an id is one.
  const key = createApiKeyText(uuidv7())
  expect(idOfApiKey(key.replace(/^gp_.{22}/, `gp_${'z'.repeat(22)}`))).toBeUndefined()
})
