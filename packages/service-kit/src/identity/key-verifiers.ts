import type { TokenLibrary, Verifier } from './token-library.ts'

/** So many keys are good at a time, and some more while they change. */
const MAX_KEYS = 8

/** One verifier for each key, made once. */
export function createKeyVerifiers (library: TokenLibrary, issuer: string) {
  /** While one is made, everybody with a token of its key waits for the same. */
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
    /** At once where there is one for the key already. */
    of: (pem: string): Verifier | Promise<Verifier> => verifiers.get(pem) ?? add(pem)
  }
}
