import { createHash } from 'node:crypto'
import { type ParsedHashOptions, parseOptions } from '@node-rs/argon2'

export interface HashParameters {
  memoryCost: number
  timeCost: number
  parallelism: number
  outputLen: number
}

/** argon2id as OWASP recommends it. The library's default algorithm is argon2id, version 0x13. */
export const HASH_PARAMETERS = {
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
  outputLen: 32
} as const satisfies HashParameters

/** The most that a stored hash may cost: a changed row must not stop the process. */
const LIMITS = { memoryCost: 65_536, timeCost: 8, parallelism: 4, outputLen: 64, saltLen: 64 } as const
const ARGON2ID = 2
const MIN_SALT_BYTES = 8
const MIN_OUTPUT_BYTES = 16
const PEPPERED = /^pepper:([0-9a-f]{8}):(\$argon2id\$.*)$/

/** A stored hash: its PHC string and the id of its pepper. */
export interface StoredHash {
  phc: string
  pepperId: string | null
}

/** A stored hash, and whether it has the present parameters. */
export interface ParsedHash extends StoredHash {
  upToDate: boolean
}

/** Names a pepper without giving it away; the settings demand a pepper of high entropy. */
export function pepperIdOf (pepper: string) {
  return createHash('sha256').update(`pepper id:${pepper}`).digest('hex').slice(0, 8)
}

export function formatStoredHash ({ phc, pepperId }: StoredHash) {
  return pepperId === null ? phc : `pepper:${pepperId}:${phc}`
}

/** Null for a text that is no argon2id hash, and for a hash that costs more than {@link LIMITS}. */
export function parseStoredHash (stored: string, parameters: HashParameters = HASH_PARAMETERS): ParsedHash | null {
  const peppered = PEPPERED.exec(stored)
  const hash = peppered ? { phc: peppered[2]!, pepperId: peppered[1]! } : { phc: stored, pepperId: null }
  const options = optionsOf(hash.phc)
  return options && isBounded(options) ? { ...hash, upToDate: isUpToDate(options, parameters) } : null
}

function isUpToDate (options: ParsedHashOptions, parameters: HashParameters) {
  return Object.entries(parameters).every(([name, value]) => options[name as keyof HashParameters] === value)
}

function isBounded (options: ParsedHashOptions) {
  return options.algorithm as number === ARGON2ID && options.outputLen >= MIN_OUTPUT_BYTES &&
    options.saltLen >= MIN_SALT_BYTES &&
    Object.entries(LIMITS).every(([name, limit]) => options[name as keyof typeof LIMITS] <= limit)
}

function optionsOf (phc: string) {
  try {
    return parseOptions(phc)
  } catch {
    return null // not a PHC string: no password fits it
  }
}
