import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { beforeAll, describe, expect, test } from 'vitest'
import { identity } from '../src/identity.ts'
import { loadNativeTokens } from '../src/identity/native-tokens.ts'
import { pluginTokens } from '../src/identity/plugin-tokens.ts'
import type { TokenLibrary } from '../src/identity/token-library.ts'
import { emptyRevocationList } from '../src/revocation-list.ts'
import { createServer } from '../src/server.ts'
import { another, forged, header, ISSUER, now, payload, publicKey, token, USER } from './support/tokens.ts'

// Which library judges depends on the platform. What it says must not: @fastify/jwt says itself that the other one's
// verdicts are its own.

const keys = new Map([['k1', publicKey.export({ type: 'spki', format: 'pem' }) as string]])
/** The platforms whose binaries the lockfile holds have to have one. */
const nativeTokens = await loadNativeTokens().catch((error: unknown) => {
  if (process.platform === 'linux' && process.arch === 'x64') throw error
  process.stderr
    .write('The libraries that judge tokens are not compared: the lockfile holds no binary of @node-rs/jsonwebtoken ' +
      `for ${process.platform} on ${process.arch}.\n`)
  return undefined
})

async function judgeOf (library: TokenLibrary) {
  const app = createServer({ log: pino({ level: 'silent' }) })
  const source = { get: (kid: string) => keys.get(kid), find: (kid: string) => keys.get(kid) }
  await app.register(identity, {
    keys: source,
    revocations: emptyRevocationList(),
    issuer: ISSUER,
    accessTokenTtl: 600,
    library
  })
  return async (bearer: string) => await app.identity.verify(bearer)
}

describe.skipIf(nativeTokens === undefined)('@node-rs/jsonwebtoken beside @fastify/jwt', () => {
  let judges: Array<Awaited<ReturnType<typeof judgeOf>>>
  beforeAll(async () => {
    judges = await Promise.all([pluginTokens, nativeTokens!].map(judgeOf))
  })
  const verdicts = (bearer: string) => Promise.all(judges.map((judge) => judge(bearer)))

  /** How many were found good. */
  async function agreeOn (tokens: Array<[what: string, token: string]>) {
    let good = 0
    for (const [what, bearer] of tokens) {
      const [plugin, native] = await verdicts(bearer)
      expect([what, native]).toEqual([what, plugin])
      if (plugin) good++
    }
    return good
  }

  test('a good token says the same to both', async () => {
    const [plugin, native] = await verdicts(token())
    expect(plugin).toMatchObject({ userId: USER, role: 'user' })
    expect(native).toEqual(plugin)
  })

  test('no forged token is good to either', async () => {
    expect(await agreeOn(Object.entries(forged).map(([name, make]) => [name, make()]))).toBe(0)
  })

  test('claims of every kind, two at a time, are the same to both', async () => {
    const odd: Record<string, unknown[]> = {
      iss: [
        undefined,
        null,
        '',
        'http://evil',
        [ISSUER],
        [ISSUER, 'http://evil'],
        5,
        {},
        ISSUER.toUpperCase(),
        `${ISSUER}/`
      ],
      aud: [undefined, null, '', 'others', ['gatepost'], ['others', 'gatepost'], [], 5, {}, 'Gatepost'],
      sub: [undefined, null, '', 5, [USER], USER.toUpperCase()],
      exp: [undefined, null, '', String(now() + 60), -1, 0, now() - 60, now() + 60.5, 2 ** 53, true],
      iat: [undefined, null, -1, now() + 60, now() + 3, now() + 0.5, String(now())],
      nbf: [undefined, null, '', String(now()), 0, now() + 60, now() + 3, now() + 60.5, 2 ** 53, true, []],
      role: ['admin', 'root', null, ['admin']],
      extra: [1, null, {}, []]
    }
    const changes = Object.entries(odd).flatMap(([claim, values]) => values.map((value) => ({ [claim]: value })))
    const tokens = changes.flatMap((one, at) =>
      changes.slice(at).map((two): [string, string] => {
        const claims = { ...payload(), ...one, ...two }
        return [JSON.stringify([one, two]), token(claims)]
      })
    )
    const good = await agreeOn(tokens)
    expect(good).toBeGreaterThan(50)
    expect(good).toBeLessThan(tokens.length / 4)
  })

  test('clocks may differ by as much for both', async () => {
    expect(await agreeOn([['an expiry', token({ ...payload(), exp: now() - 3 })], [
      'a beginning',
      token({ ...payload(), nbf: now() + 3 })
    ]])).toBe(2)
  })

  test('a token with any one character changed is good to neither', async () => {
    const good = token()
    const changed = Array.from(
      good,
      (
        character,
        at
      ): [string, string] => [`at ${at}`, `${good.slice(0, at)}${character === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`]
    )
    expect(await agreeOn(changed)).toBe(0)
  })
})

test.each([pluginTokens, nativeTokens].filter((library) => library !== undefined))(
  '$name tells what no time mends from what may become good',
  async (library) => {
    const verify = await library.verifierOf(keys.get('k1')!, ISSUER)
    const isFinal = (bearer: string) => {
      try {
        return verify(bearer)
      } catch (fault) {
        return library.isFinal(fault)
      }
    }
    expect(isFinal(token(payload(), header, another))).toBe(true)
    expect(isFinal(token({ ...payload(), exp: now() - 60 }))).toBe(true)
    expect(isFinal(token({ ...payload(), nbf: now() + 60 }))).toBe(false)
  }
)

const withoutBinary = [expect.stringContaining('@fastify/jwt judges tokens')]
test.each([
  ['as it is', {}, nativeTokens ? [] : withoutBinary],
  ['as if there were no binary for it', { NAPI_RS_NATIVE_LIBRARY_PATH: 'none' }, withoutBinary]
])('on this platform %s, a process finds the right library by itself', async (_name, env, warnings) => {
  const judge = fileURLToPath(new URL('support/judge.ts', import.meta.url))
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const args = [judge, keys.get('k1')!, token(), token(payload(), header, another)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { PATH, NODE_COMPILE_CACHE, ...env } })
  expect(stdout.trim().split('\n').map((line) =>
    line.startsWith('{') ? (JSON.parse(line) as { msg: string }).msg : line
  )).toEqual([...warnings, USER, 'nobody'])
})
