import { WeakPasswordError } from '../errors.ts'
import { isCommonPassword, MIN_PASSWORD_LENGTH, MIN_WORD_LENGTH } from './common-passwords.ts'
import { disguisedWords, undisguised } from './disguises.ts'
import { opaqueString } from './opaque-string.ts'

const MAX_BYTES = 1024

export interface PasswordOwner {
  email: string
  displayName: string
}

/** Reasons against a password, a sentence each, for its user to read; empty for a good password. */
export function passwordWeaknesses (given: string, owner: PasswordOwner): string[] {
  const password = opaqueString(given)
  if ([...password].length < MIN_PASSWORD_LENGTH) return [`must have at least ${MIN_PASSWORD_LENGTH} characters`]
  if (Buffer.byteLength(password) > MAX_BYTES) return [`must have at most ${MAX_BYTES} bytes of UTF-8`]
  const weaknesses: string[] = []
  if (isCommonPassword(password)) weaknesses.push('is on the list of common passwords')
  else if (disguisedWords(password).some(isCommonPassword)) {
    weaknesses.push('is a common password with the usual substitutions or endings')
  }
  if (new Set(password).size < 3) weaknesses.push('repeats one or two characters')
  if (isLike(password, emailWords(owner.email))) weaknesses.push('is too much like the e-mail address')
  if (isLike(password, [owner.displayName, ...owner.displayName.split(/\s+/u)])) {
    weaknesses.push('is too much like the display name')
  }
  return weaknesses
}

/** Throws AUTH_WEAK_PASSWORD with every reason; `path` points at the password in the request. */
export function requireStrongPassword (password: string, owner: PasswordOwner, path: string) {
  const weaknesses = passwordWeaknesses(password, owner)
  if (weaknesses.length > 0) throw new WeakPasswordError({ errors: weaknesses.map((message) => ({ path, message })) })
}

/** The address, its local part, and the local part's words. */
function emailWords (email: string) {
  const local = email.slice(0, email.lastIndexOf('@'))
  return [email, local, ...local.split(/[^\p{L}\p{N}]+/u)]
}

/**
 * Whether the password is a word, forwards or backwards, with little around it: the first guess of somebody who knows
 * the name.
 */
function isLike (password: string, words: string[]) {
  const plains = [password, ...undisguised(password)].map(plainOf)
  return words.map(plainOf).some((word) => {
    if ([...word].length < MIN_WORD_LENGTH) return false
    const backwards = [...word].reverse().join('')
    const rest = Math.min(...plains.flatMap((plain) => [restAround(plain, word), restAround(plain, backwards)]))
    return rest <= Math.max(MIN_WORD_LENGTH, [...word].length / 2)
  })
}

function restAround (text: string, word: string) {
  return text.includes(word) ? [...text.replaceAll(word, '')].length : Infinity
}

function plainOf (text: string) {
  return text.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}
