import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { opaqueString } from './opaque-string.ts'
import { formatStoredHash, HASH_PARAMETERS, type HashParameters, parseStoredHash, pepperIdOf } from './password-hash.ts'
import { createWorkLimit } from './work-limit.ts'

export interface PasswordHasherOptions {
  /**
   * A secret beside the database; hashes made with another one are verified with `previousPepper` and upgraded at
   * login.
   */
  pepper?: string
  previousPepper?: string
  concurrency?: number
  /** How many may wait; more are refused with 503. */
  queue?: number
  /** How long somebody may wait, as hashing goes at the moment. */
  maxWaitMs?: number
  /** What new hashes cost; tests that are not about hashing make them cheap. */
  parameters?: HashParameters
}

export interface PasswordVerdict {
  matches: boolean
  /** Whether the password should be hashed again with today's parameters and pepper. */
  outdated: boolean
}

export type PasswordHasher = Awaited<ReturnType<typeof createPasswordHasher>>

/** What one core does in two seconds or so when it has nothing else to do. */
const QUEUE_PER_CORE = 128
/** The gateway gives up on a login later than this. */
const MAX_WAIT_MS = 3_000

/** argon2id on libuv's threads, as many at once as there are cores. */
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
  // Verified when there is no account, so that the time says nothing. Nobody knows its password.
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

  /** Takes the same time whether there is a hash or not. Throws OVERLOADED when too many wait. */
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

  /** The same while nobody waits for a place; undefined otherwise. */
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

/** The text that is hashed now, and those that an older hash of the same password may have been made from. */
function spellingsOf (password: string) {
  const present = opaqueString(password)
  return [...new Set([present, password, present.normalize('NFD')])]
}

async function some (texts: string[], check: (text: string) => Promise<boolean>) {
  for (const text of texts) if (await check(text)) return true
  return false
}
