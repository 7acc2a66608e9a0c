import type { FastifyBaseLogger } from 'fastify'
import { loadNativeTokens } from './native-tokens.ts'
import { pluginTokens } from './plugin-tokens.ts'
import type { TokenLibrary } from './token-library.ts'

/** The faster library, where it has a binary for this platform. */
export async function chooseLibrary (log: FastifyBaseLogger): Promise<TokenLibrary> {
  try {
    return await loadNativeTokens()
  } catch (error) {
    log.warn(
      { err: error },
      `no binary of @node-rs/jsonwebtoken for this platform: ${pluginTokens.name} judges tokens, in twice the time`
    )
    return pluginTokens
  }
}
