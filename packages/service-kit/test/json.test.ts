import { Type } from '@sinclair/typebox'
import { expect, test } from 'vitest'
import { parseJson } from '../src/json.ts'
import type { ProblemError } from '../src/problem.ts'
import { compileValidator } from '../src/validation.ts'

let seed = 20261125
const random = (below: number) => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor(seed / 2 ** 32 * below)
}
const pick = <T>(from: readonly T[]) => from[random(from.length)]!

const PIECES = ['a', 'b', '"', '\\', '\\\\', '{', '}', '[', ']', ':', ',', '/', 'é', '😀', '\n', '']
const word = () => Array.from({ length: random(4) }, () => pick(PIECES)).join('')

/** A string as JSON, some characters of it in disguise. */
function quoted (text: string) {
  return `"${
    [...text].map((character) =>
      random(5) > 0
        ? JSON.stringify(character).slice(1, -1)
        : [...Array(character.length).keys()].map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
          .join('')
    ).join('')
  }"`
}

/**
 * A random object as text, and the JSON Pointer of the first member that is there twice, children before what comes
 * after them.
 */
function objectText (depth: number): { text: string, twice: string | undefined } {
  const seen = new Set<string>()
  let twice: string | undefined
  const members = Array.from({ length: random(5) }, () => {
    const key = word()
    const path = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (seen.has(key)) twice ??= path
    seen.add(key)
    const nested = depth > 0 && random(3) === 0 ? objectText(depth - 1) : undefined
    if (nested?.twice !== undefined) twice ??= path + nested.twice
    const value = nested?.text ?? pick([quoted(word()), '1', 'null', `[${quoted(word())},${quoted(word())}]`, '[{}]'])
    return `${quoted(key)} : ${value}`
  })
  return { text: `{ ${members.join(' , ')} }`, twice }
}

test('3000 random objects: a member that is there twice is found, however it is written, and no other', () => {
  let found = 0
  for (let i = 0; i < 3000; i++) {
    const { text, twice } = objectText(3)
    let fault: ProblemError | undefined
    try {
      expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text))
    } catch (error) {
      fault = error as ProblemError
    }
    const expected = twice === undefined ? undefined : [{ path: `/body${twice}`, message: 'is given twice' }]
    expect([text, fault?.errors]).toEqual([text, expected])
    if (twice !== undefined) found++
  }
  expect(found).toBeGreaterThan(300)
})

test('a lone surrogate and too deep a nesting are named by where they are', () => {
  const errorsOf = (text: string) => {
    try {
      parseJson(Buffer.from(text))
    } catch (error) {
      return (error as ProblemError).errors
    }
    return undefined
  }
  expect(errorsOf('{"a/b":[1,{"c":"\\ud800"}]}')).toEqual([{
    path: '/body/a~1b/1/c',
    message: 'must not contain a lone surrogate'
  }])
  expect(errorsOf('"\\ud800"')).toEqual([{ path: '/body', message: 'must not contain a lone surrogate' }])
  expect(errorsOf('{"x":{"a\\ud800":1}}')).toEqual([{
    path: '/body/x',
    message: 'has a member with a name that is not allowed'
  }])
  expect(errorsOf(`${'['.repeat(64)}${']'.repeat(64)}`)).toBe(undefined)
  expect(errorsOf(`${'['.repeat(65)}${']'.repeat(65)}`)).toEqual([{
    path: '/body',
    message: 'is nested more than 64 levels deep'
  }])
})

test('lengths are counted in code points', () => {
  const validate = compileValidator(Type.Object({ text: Type.String({ minLength: 3, maxLength: 5 }) }), 'body')
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: random(12) }, () => pick(['a', 'é', '😀', '\ud83d', '\ude00'])).join('')
    const points = [...text].length
    const result = validate({ text })
    const message = 'error' in result ? result.error.errors?.map((error) => error.message) : undefined
    expect([text, message]).toEqual([
      text,
      points < 3
        ? ['must NOT have fewer than 3 characters']
        : points > 5
          ? ['must NOT have more than 5 characters']
          : undefined
    ])
  }
})
