import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { opaqueString } from './opaque-string.ts'
import { formatStoredHash, HASH_PARAMETERS, type HashParameters, parseStoredHash, pepperIdOf } from './password-hash.ts'
import { createWorkLimit } from './work-limit.ts'

export interface PasswordHasherOptions {
  /**
   * A secret beside the database. Hashes of another pepper are verified with `previousPepper` and upgraded at login.
   */
  pepper?: string
  previousPepper?: string
  concurrency?: number
  /** The most that wait; further calls are refused with 503. */
  queue?: number
  /** The longest expected wait. */
  maxWaitMs?: number
  /** Cost of new hashes; tests that are not about hashing make them cheap. */
  parameters?: HashParameters
}

export interface PasswordVerdict {
  matches: boolean
  /** Whether the password should be hashed again, with the present parameters and pepper. */
  outdated: boolean
}

export type PasswordHasher = Awaited<ReturnType<typeof createPasswordHasher>>

/** Hashes of one idle core in about two seconds. */
const QUEUE_PER_CORE = 128
/** The gateway gives up on a login later than this. */
const MAX_WAIT_MS = 3_000

/** argon2id on libuv's threads, by default as many at once as there are cores. */
export async function createPasswordHasher (
  {
    pepper,
    previousPepper,
    concurrency = availableParallelism(),
    queue = QUEUE_PER_CORE * concurrency,
    maxWaitMs = MAX_WAIT_MS,
    parameters = HASH_PARAMETERS
  }: PasswordHasherOptions = {}
) {
  const limit = createWorkLimit({ concurrency, queue, maxWaitMs })
  const peppers =
    new Map([pepper, previousPepper].filter((secret) => secret !== undefined).map((
      secret
    ) => [pepperIdOf(secret), Buffer.from(secret)]))
  const pepperId = pepper === undefined ? null : pepperIdOf(pepper)
  const secretOf = (id: string | null) => id === null ? {} : { secret: peppers.get(id) }
  // Verified when there is no account, so that the time is the same. Nobody knows its password.
  const dummy = parseStoredHash(await create(randomBytes(32).toString('base64url')), parameters)!

  /** Throws OVERLOADED when too many wait. */
  function create (password: string) {
    return limit.run(() => hashOf(password))
  }

  async function hashOf (password: string) {
    return formatStoredHash({
      phc: await hash(opaqueString(password), { ...parameters, ...secretOf(pepperId) }),
      pepperId
    })
  }

  /** Takes the same time with and without a stored hash. Throws OVERLOADED when too many wait. */
  async function check (password: string, stored: string | null): Promise<PasswordVerdict> {
    const known = stored === null ? null : parseStoredHash(stored, parameters)
    const usable = known !== null && (known.pepperId === null || peppers.has(known.pepperId))
    const against = usable ? known : dummy
    const [spelling, ...older] = spellingsOf(password)
    const fits = (text: string) => verify(against.phc, text, secretOf(against.pepperId))
    const fit = await limit.run(async () => await fits(spelling!) ? 'now' : await some(older, fits) ? 'older' : null)
    return {
      matches: usable && fit !== null,
      outdated: fit === 'older' || !against.upToDate || against.pepperId !== pepperId
    }
  }

  /** Hashes a password when a place is free; otherwise undefined. */
  function createIfFree (password: string) {
    return limit.runIfFree(() => hashOf(password))
  }

  return {
    create,
    createIfFree,
    check,
    /** The hash of a password that nobody knows, for accounts whose password is yet to be chosen. */
    unknown: formatStoredHash(dummy),
    waiting: limit.waiting,
    refused: limit.refused
  }
}

/** The present form of a password, and the forms that an older hash of it may have been made from. */
function spellingsOf (password: string) {
  const present = opaqueString(password)
  return [...new Set([present, password, present.normalize('NFD')])]
}

async function some (texts: string[], check: (text: string) => Promise<boolean>) {
  for (const text of texts) if (await check(text)) return true
  return false
}
