import type { TokenLibrary, Verifier } from './token-library.ts'

/** Keys that are good at a time, and a few more during a change. */
const MAX_KEYS = 8

/** One verifier for each key, made once. */
export function createKeyVerifiers (library: TokenLibrary, issuer: string) {
  /** All tokens of a key wait for the same verifier while it is made. */
  const verifiers = new Map<string, Verifier | Promise<Verifier>>()

  async function add (pem: string): Promise<Verifier> {
    if (verifiers.size >= MAX_KEYS) verifiers.clear()
    const making = library.verifierOf(pem, issuer)
    verifiers.set(pem, making)
    try {
      const verifier = await making
      verifiers.set(pem, verifier)
      return verifier
    } catch (error) {
      verifiers.delete(pem)
      throw error
    }
  }

  return {
    /** Returns at once where the key has a verifier already. */
    of: (pem: string): Verifier | Promise<Verifier> => verifiers.get(pem) ?? add(pem)
  }
}
