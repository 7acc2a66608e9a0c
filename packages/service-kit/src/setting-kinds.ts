import { isIP } from 'node:net'
import { Type } from '@sinclair/typebox'

// The kinds of settings, as TypeBox schemas over the text of an environment variable.

interface SettingOptions {
  description: string
  /** The default, as text of the environment. Absent: the variable is required, or optional in `Type.Optional`. */
  default?: string
  /** Masked in every message. */
  secret?: boolean
}

const NO_MORE = 'without user, path, query or fragment'
const SECOND = 1000
const UNITS: Record<string, number> = {
  ms: 1,
  second: SECOND,
  minute: 60 * SECOND,
  hour: 3600 * SECOND,
  day: 86_400 * SECOND
}

/** Any text. */
export function text (options: SettingOptions & { minLength?: number, pattern?: string, needs?: string }) {
  return Type.String({ needs: 'a text', ...options })
}

/** A whole number; decodes to a number. */
export function integer (options: SettingOptions & { minimum: number, maximum: number }) {
  const needs = `a whole number from ${options.minimum} to ${options.maximum}`
  return Type
    .Transform(Type.String({ ...options, minimum: undefined, maximum: undefined, pattern: '^\\d{1,15}$', needs }))
    .Decode((value) => {
      const number = Number(value)
      if (number < options.minimum || number > options.maximum) throw new RangeError(needs)
      return number
    })
    .Encode(String)
}

/** A TCP port. */
export function port (options: SettingOptions) {
  return integer({ ...options, minimum: 0, maximum: 65_535 })
}

/** Seconds as a whole number; decodes to a number of seconds. */
export function seconds (options: SettingOptions & { minimum?: number }) {
  return integer({ minimum: 1, maximum: 10 * 365 * 86_400, ...options })
}

/** `1 second`, `15 minutes`, `500 ms`; decodes to milliseconds. */
export function duration (options: SettingOptions) {
  return Type
    .Transform(Type.String({
      ...options,
      pattern: '^[1-9]\\d{0,8} ?(ms|seconds?|minutes?|hours?|days?)$',
      needs: 'a duration such as "1 second" or "15 minutes"'
    }))
    .Decode((value) => {
      const [, count, unit] = /^(\d+) ?(ms|second|minute|hour|day)/.exec(value)!
      return Number(count) * UNITS[unit!]!
    })
    .Encode((value) => `${value} ms`)
}

/** `true` or `false`. */
export function flag (options: SettingOptions) {
  return Type.Transform(Type.String({ ...options, pattern: '^(true|false)$', needs: 'true or false' }))
    .Decode((value) => value === 'true')
    .Encode(String)
}

/** One URL with one of the schemes. */
export function url (options: SettingOptions & { schemes: readonly string[] }) {
  const needs = `a URL that begins with ${options.schemes.map((scheme) => `${scheme}://`).join(' or ')}`
  return Type.Transform(Type.String({ ...options, schemes: undefined, needs }))
    .Decode((value) => checkUrl(value, options.schemes, needs))
    .Encode((value) => value)
}

/** Comma-separated URLs; decodes to at least one. */
export function urls (options: SettingOptions & { schemes: readonly string[] }) {
  const needs = `comma-separated URLs that begin with ${options.schemes.map((scheme) => `${scheme}://`).join(' or ')}`
  return Type.Transform(Type.String({ ...options, schemes: undefined, needs }))
    .Decode((value) => atLeastOne(value, needs).map((item) => checkUrl(item, options.schemes, needs)))
    .Encode((value) => value.join(','))
}

/**
 * One origin (RFC 6454): scheme, host and port, and nothing that calls would drop silently. Decodes to its serialised
 * form.
 */
export function origin (options: SettingOptions) {
  const needs = `an origin such as https://api.example.org, ${NO_MORE}`
  return Type.Transform(Type.String({ ...options, needs }))
    .Decode((value) => checkOrigin(value, needs))
    .Encode((value) => value)
}

/** Comma-separated origins; decodes to at least one, none of them twice. */
export function origins (options: SettingOptions) {
  const needs = `comma-separated origins such as http://10.0.0.1:3001, ${NO_MORE}`
  return Type.Transform(Type.String({ ...options, needs }))
    .Decode((value) => [...new Set(atLeastOne(value, needs).map((item) => checkOrigin(item, needs)))])
    .Encode((value) => value.join(','))
}

/** Comma-separated texts, each checked by `check`, which throws with what it needs; decodes to a list. */
export function list (options: SettingOptions & { needs: string, check?: (item: string) => void }) {
  return Type.Transform(Type.String({ ...options, check: undefined }))
    .Decode((value) => {
      const items = split(value)
      for (const item of items) options.check?.(item)
      return items
    })
    .Encode((value) => value.join(','))
}

/** One of a few words, in any case: other tools write the same settings in capitals. Decodes to the word as listed. */
export function choice<const Words extends readonly string[]> (words: Words, options: SettingOptions) {
  const needs = `one of ${words.join(', ')}`
  return Type.Transform(Type.String({ ...options, needs }))
    .Decode((value): Words[number] => {
      const word = words.find((known) => known.toLowerCase() === value.toLowerCase())
      if (word === undefined) throw new TypeError(needs)
      return word
    })
    .Encode((value) => value)
}

/**
 * An address to listen on. Names other than `localhost` are refused: shells and build tools keep the machine's name, or
 * a compiler's triple, in a variable HOST.
 */
export function address (options: SettingOptions) {
  const needs = 'an IP address such as 127.0.0.1, 0.0.0.0 or ::1'
  return Type.Transform(Type.String({ ...options, needs }))
    .Decode((value) => {
      if (isIP(value) === 0 && value !== 'localhost') throw new TypeError(needs)
      return value
    })
    .Encode((value) => value)
}

function split (value: string) {
  return value.split(',').map((item) => item.trim()).filter(Boolean)
}

function atLeastOne (value: string, needs: string) {
  const items = split(value)
  if (items.length === 0) throw new TypeError(needs)
  return items
}

function checkUrl (value: string, schemes: readonly string[], needs: string) {
  if (!schemes.some((scheme) => value.toLowerCase().startsWith(`${scheme}://`))) throw new TypeError(needs)
  try {
    const { username, password, pathname } = new URL(value)
    decodeURIComponent(username + password + pathname)
  } catch {
    throw new EscapeError()
  }
  return value
}

/** A URL with a good beginning that does not parse: mostly, its password is not escaped. */
export class EscapeError extends Error {
  static readonly needs = 'a URL whose user and password are percent-encoded, % as %25, @ as %40, / as %2F, # as %23'
}

function checkOrigin (value: string, needs: string) {
  const { origin } = new URL(checkUrl(value, ['http', 'https'], needs))
  // Also `?`, `#` and `@` with nothing behind or before them, which a parsed URL no longer shows.
  if (!/^https?:\/\/[^/?#@\\\s]+\/?$/i.test(value)) throw new TypeError(needs)
  return origin
}
