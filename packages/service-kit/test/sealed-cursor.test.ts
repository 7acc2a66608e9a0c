import { expect, test } from 'vitest'
import { createCursorSeal } from '../src/sealed-cursor.ts'

const seal = createCursorSeal(Buffer.alloc(32, 1))
const scope = ['posts', 'author', 'ü']
const cursor = seal.seal([0.1, 'b'], scope)

test('a cursor opens with its secret and for its list', () => {
  expect(seal.open(cursor, scope)).toEqual([0.1, 'b'])
  expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/)
})

test('a cursor opens for no other list and with no other secret', () => {
  expect(seal.open(cursor, ['posts', 'author', ''])).toBeUndefined()
  expect(seal.open(cursor, ['posts', 'authorü'])).toBeUndefined()
  expect(createCursorSeal(Buffer.alloc(32, 2)).open(cursor, scope)).toBeUndefined()
})

test('a cursor that was changed anywhere, cut, lengthened or made up does not open', () => {
  for (let i = 0; i < cursor.length; i++) {
    for (const character of ['A', 'B', '_']) {
      const changed = cursor.slice(0, i) + character + cursor.slice(i + 1)
      if (changed !== cursor) expect(seal.open(changed, scope), changed).toBeUndefined()
    }
    expect(seal.open(cursor.slice(0, i), scope)).toBeUndefined()
  }
  for (const text of [`${cursor}A`, `${cursor}=`, `${cursor} `, 'A', Buffer.from('[1,2]').toString('base64url')]) {
    expect(seal.open(text, scope), text).toBeUndefined()
  }
})
